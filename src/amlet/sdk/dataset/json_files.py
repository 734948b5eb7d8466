"""Files of JSON, a document a file: an array of objects, one object, or an object a line. Read whole."""

from __future__ import annotations

import gzip
import json
from typing import Any, Dict, Iterator, List, Optional, Tuple

from amlet.sdk.dataset.blocks import Block
from amlet.sdk.dataset.data_type import DataType
from amlet.sdk.dataset.errors import DatasetExecutionError, DatasetValidationError
from amlet.sdk.dataset.infer import types_of_objects
from amlet.sdk.dataset.json_lines import block_of, undecodable, unreadable
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.table import Asked, Opened, Toll, _Files
from amlet.sdk.dataset.type_definitions import CODECS, encoding_name

ROWS = 20_000
"""How many rows a block has."""

MOST_ROWS = 10_000_000
"""How many rows a file may become where its arrays are flattened."""


class JsonFiles:
    """The format of JSON documents. An object within an object is columns of its own: `{"a": {"b": 1}}` has `a.b`.

    The keys of the first and the last file are the columns. With `flatten_nested_arrays` each element of an array is a
    row of its own, with all else that its object holds; without it an array stays one value.
    """

    def __init__(self, definition: Dict[str, Any]) -> None:
        self._encoding = encoding_name(definition.get("encoding", "utf8"))
        self._flattens = bool(definition.get("flatten_nested_arrays"))
        self._set = dict(definition.get("set_column_types") or {})
        self._types: Optional[Dict[str, str]] = definition.get("types")
        self._read: Tuple[Optional[Opened], List[Dict[str, Any]]] = (None, [])

    def names(self, files: _Files) -> List[str]:
        if self._types is None:
            rows: List[Dict[str, Any]] = []
            for number in sorted({0, len(files) - 1}, reverse=True):
                rows = self._rows(files[number]) + rows
            self._types = types_of_objects(rows)
        found = [*self._types, *(name for name in self._set if name not in self._types)]
        if not found:
            raise DatasetValidationError(f"{files[0].shown} has no object with a key in it: it has no columns.")
        return found

    @property
    def inferred(self) -> Optional[Dict[str, str]]:
        """The types that the files told."""
        return self._types

    def read(self, file: Opened, asked: Asked, toll: Toll, notes: Notes) -> Iterator[Block]:
        known = {**(self._types or {}), **self._set}
        types = {name: DataType.parse(known[name]) for name in asked.columns}
        rows = self._rows(file)
        count = min(asked.limit or ROWS, ROWS)
        for start in range(0, max(len(rows), 1), count):
            yield block_of(rows[start : start + count], types, file, notes)

    def _rows(self, file: Opened) -> List[Dict[str, Any]]:
        """A file's rows; those of the file that was read last are held."""
        if self._read[0] != file:
            try:
                found = self._rows_of(_document(file, self._encoding), file)
            except RecursionError as error:
                raise DatasetExecutionError(f"{file.shown} holds objects within objects that are too deep.") from error
            self._read = (file, found)
        return self._read[1]

    def _rows_of(self, document: Any, file: Opened) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = []
        for item in document if isinstance(document, list) else [document]:
            if not isinstance(item, dict):
                raise DatasetExecutionError(
                    f"{file.shown} holds {json.dumps(item)[:60]} where an object of JSON is to be.",
                    hint="a file is an array of objects, one object, or an object a line.",
                )
            found += self._flat(item, file)
            if len(found) > MOST_ROWS:
                raise _too_many(file)
        return found

    def _flat(self, item: Dict[str, Any], file: Opened) -> List[Dict[str, Any]]:
        """The rows of one object: each combination of the elements of its arrays, where they are flattened."""
        rows: List[Dict[str, Any]] = [{}]
        for name, value in item.items():
            parts: List[Dict[str, Any]]
            if isinstance(value, dict) and value:
                parts = [{f"{name}.{key}": held for key, held in row.items()} for row in self._flat(value, file)]
            elif isinstance(value, list) and self._flattens:
                parts = [part for element in value for part in self._flat({name: element}, file)] or [{name: None}]
            else:
                parts = [{name: value}]
            if len(rows) * len(parts) > MOST_ROWS:
                raise _too_many(file)
            rows = [{**row, **part} for row in rows for part in parts]
        return rows


def _document(file: Opened, encoding: str) -> Any:
    codec = CODECS[encoding]
    codec = "utf-8-sig" if codec == "utf-8" else codec
    try:
        raw = gzip.decompress(file.place.read_bytes()) if file.place.name.endswith(".gz") else file.place.read_bytes()
        text = raw.decode(codec)
    except UnicodeError as error:
        raise undecodable(file, encoding) from error
    except (OSError, EOFError) as error:
        raise unreadable(file, error) from error
    try:
        return json.loads(text)
    except ValueError as error:
        why = error
    try:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except ValueError:
        raise DatasetExecutionError(f"{file.shown} is no JSON: {why}.", why) from why


def _too_many(file: Opened) -> DatasetExecutionError:
    return DatasetExecutionError(
        f"{file.shown} becomes more than {MOST_ROWS:,} rows.",
        hint="flatten_nested_arrays=False keeps an array as one value.",
    )
