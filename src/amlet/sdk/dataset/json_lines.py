"""Files of JSON, an object a line."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any, BinaryIO, Dict, Iterator, List, Optional

from amlet.sdk.dataset.arrow_blocks import ArrowBlock, arrow_type, cast, table_of
from amlet.sdk.dataset.blocks import Block, ListBlock
from amlet.sdk.dataset.data_type import BOOL, DATETIME, DATETIME_WITH_ZONE, FLOAT, LONG, RECORD, STRING, DataType
from amlet.sdk.dataset.errors import DatasetExecutionError, DatasetValidationError, one_line
from amlet.sdk.dataset.infer import types_of_objects
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.packages import has_arrow, need
from amlet.sdk.dataset.samples import sample_texts
from amlet.sdk.dataset.table import Asked, Opened, Toll, _Files
from amlet.sdk.dataset.type_definitions import CODECS, encoding_name
from amlet.sdk.notice import warn

CHUNK_BYTES = 4 << 20
SAMPLED_ROWS = 2_000


class JsonLines:
    """The format of JSON lines. The keys of a sample are the columns; `set_column_types` may name more."""

    def __init__(self, definition: Dict[str, Any]) -> None:
        self._encoding = encoding_name(definition.get("encoding", "utf8"))
        self._drops = definition.get("invalid_lines", "error") == "drop"
        self._set = dict(definition.get("set_column_types") or {})
        self._types: Optional[Dict[str, str]] = definition.get("types")
        self._unknown: List[str] = []

    def names(self, files: _Files) -> List[str]:
        if self._types is None:
            self._types = self._sampled(files)
        found = [*self._types, *(name for name in self._set if name not in self._types)]
        if not found:
            raise DatasetValidationError(f"{files[0].shown} has no line with an object in it: it has no columns.")
        return found

    @property
    def inferred(self) -> Optional[Dict[str, str]]:
        """The types that samples told."""
        return self._types

    @property
    def types(self) -> Dict[str, str]:
        """The types of the columns, once they are known."""
        return {**(self._types or {}), **self._set}

    def read(self, file: Opened, asked: Asked, toll: Toll, notes: Notes) -> Iterator[Block]:
        types = {name: DataType.parse(self.types[name]) for name in asked.columns}
        line = 0
        is_first = True
        codec = CODECS[self._encoding]
        for chunk in _readable(file, _chunks(file, CHUNK_BYTES if asked.limit is None else 64 << 10, codec)):
            made = self._by_arrow(chunk, types, file, notes)
            yield made if made is not None else self._by_python(chunk, types, file, line, notes)
            line += chunk.count(b"\n")
            is_first = False
        if is_first:
            yield self._by_python(b"", types, file, 0, notes)
        self._tell_unknown(file)

    def _sampled(self, files: _Files) -> Dict[str, str]:
        found: List[Dict[str, Any]] = []
        later: List[Dict[str, Any]] = []
        for number in sorted({0, len(files) - 1}):
            file = files[number]
            try:
                texts = list(sample_texts(file.place, self._encoding))
            except UnicodeError as error:
                raise undecodable(file, self._encoding) from error
            except (OSError, EOFError) as error:
                raise unreadable(file, error) from error
            for place, text in enumerate(texts):
                for line, told in enumerate(text.split("\n"), 1):
                    row = self._object(told, file, line if place == 0 else None)
                    if row is not None:
                        (found if line <= SAMPLED_ROWS else later).append(row)
        return types_of_objects(found, later)

    def _object(self, text: str, file: Opened, line: Optional[int]) -> Optional[Dict[str, Any]]:
        """The object of a line; None for a blank line, or one that is left out."""
        if not text.strip():
            return None
        try:
            row = json.loads(text)
        except ValueError as error:
            if self._drops:
                return None
            raise _bad_line(file, line, text, str(error)) from error
        if isinstance(row, dict):
            return row
        if self._drops:
            return None
        raise _bad_line(file, line, text, "it is no object")

    def _by_arrow(self, chunk: bytes, types: Dict[str, DataType], file: Opened, notes: Notes) -> Optional[ArrowBlock]:
        """The rows as pyarrow reads them; None where it cannot, or would read other values."""
        plain = (STRING, LONG, FLOAT, BOOL, DATETIME, DATETIME_WITH_ZONE)
        if not has_arrow() or not types or any(told.kind not in plain for told in types.values()):
            return None
        arrow, reader = need("pyarrow", "A table"), need("pyarrow.json", "A table")
        known = self.types
        if any(DataType.parse(told).kind == RECORD for told in known.values()):
            return None
        texts = (STRING, DATETIME, DATETIME_WITH_ZONE)
        schema = arrow.schema(
            [
                (name, arrow.string() if DataType.parse(told).kind in texts else arrow_type(DataType.parse(told).kind))
                for name, told in known.items()
            ]
        )
        try:
            table = reader.read_json(
                io.BytesIO(chunk),
                parse_options=reader.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
            )
        except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError):
            return None
        return ArrowBlock(
            table_of(
                {
                    name: cast(table.column(name), told, notes.of(name, told.kind, file.shown))
                    for name, told in types.items()
                }
            )
        )

    def _by_python(self, chunk: bytes, types: Dict[str, DataType], file: Opened, before: int, notes: Notes) -> Block:
        rows = []
        try:
            text = chunk.decode("utf-8")
        except UnicodeError as error:
            raise undecodable(file, self._encoding) from error
        for line, told in enumerate(text.split("\n"), before + 1):
            row = self._object(told, file, line)
            if row is None:
                continue
            rows.append(row)
            self._unknown += [name for name in row if name not in self.types and name not in self._unknown]
        return block_of(rows, types, file, notes)

    def _tell_unknown(self, file: Opened) -> None:
        if self._unknown:
            listed = ", ".join(map(repr, self._unknown[:10]))
            warn(f"{file.shown} has keys that are no columns and are left out: {listed}; set_column_types adds them.")
            self._unknown = []


def block_of(rows: List[Dict[str, Any]], types: Dict[str, DataType], file: Opened, notes: Notes) -> Block:
    """Objects as rows of these columns."""
    columns: Dict[str, List[Any]] = {}
    for name, kind in types.items():
        note = notes.of(name, kind.kind, file.shown)
        columns[name] = [_value(row.get(name), kind, note) for row in rows]
    kinds = {name: told.kind for name, told in types.items()}
    block = ListBlock(columns, len(rows), kinds)
    if not has_arrow() or not columns:
        return block
    from amlet.sdk.dataset.arrow_blocks import arrow_array

    records = [name for name, kind in kinds.items() if kind == RECORD]
    return ArrowBlock(table_of({name: arrow_array(columns[name], kinds[name]) for name in columns}, records))


def _chunks(file: Opened, size: int, codec: str) -> Iterator[bytes]:
    """Whole lines, as UTF-8."""
    with _open(file) as raw:
        if codec not in ("utf-8", "utf-8-sig", "ascii"):
            text = io.TextIOWrapper(raw, encoding=codec, newline="")
            try:
                while True:
                    piece = text.read(size) + text.readline()
                    if not piece:
                        return
                    yield piece.encode()
            except UnicodeError as error:
                raise undecodable(file, codec) from error
        is_first = True
        while True:
            lines = raw.read(size) + raw.readline()
            if not lines:
                return
            yield lines[3:] if is_first and lines.startswith(b"\xef\xbb\xbf") else lines
            is_first = False


def _readable(file: Opened, chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except (OSError, EOFError) as error:
        raise unreadable(file, error) from error


def _open(file: Opened) -> BinaryIO:
    if file.place.name.endswith(".gz"):
        return gzip.open(file.place, "rb")  # type: ignore[return-value]
    return file.place.open("rb")


def _value(value: Any, told: DataType, note: Any) -> Any:
    """A value of JSON as one of a type."""
    kind = told.kind
    if value is None or kind == RECORD:
        return value
    if kind == STRING:
        return value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, str):
        try:
            return told.reader(value) if value.strip() else None
        except ValueError:
            note(value)
            return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == BOOL and isinstance(value, bool):
        return value
    if kind == FLOAT and is_number:
        return float(value)
    if kind == LONG and is_number and value == int(value) and -(1 << 63) <= value < 1 << 63:
        return int(value)
    note(value)
    return None


def _bad_line(file: Opened, line: Optional[int], text: str, why: str) -> DatasetExecutionError:
    where = "a line" if line is None else f"line {line}"
    return DatasetExecutionError(
        f"{file.shown}, {where} is no object of JSON: {why}: {text[:80]!r}.",
        hint="invalid_lines='drop' leaves such lines out.",
    )


def unreadable(file: Opened, error: BaseException) -> DatasetExecutionError:
    """The error for a file that is packed wrongly, or that the disk does not give."""
    return DatasetExecutionError(f"{file.shown} cannot be read: {one_line(error)}.", error)


def undecodable(file: Opened, encoding: str) -> DatasetExecutionError:
    """The error for a file of another encoding."""
    return DatasetExecutionError(
        f"{file.shown} is no text in {encoding}.", hint=f"pass its encoding: one of {', '.join(CODECS)}."
    )
