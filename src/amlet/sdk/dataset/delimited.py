"""Delimited files: their headers, the types of their columns, and reading them with nothing but Python."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, TextIO

from amlet.sdk.dataset.blocks import Block, ListBlock
from amlet.sdk.dataset.data_type import NULL_TEXTS, STRING, DataType
from amlet.sdk.dataset.errors import DatasetExecutionError, DatasetValidationError, one_line
from amlet.sdk.dataset.infer import types_of_texts, unique_names, widened
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.packages import has_arrow
from amlet.sdk.dataset.samples import sample_texts
from amlet.sdk.dataset.table import Asked, Opened, Toll, _Files
from amlet.sdk.dataset.type_definitions import CODECS, SkipLinesBehavior, encoding_name, header_name

SAMPLED_ROWS = 2_000
"""How many rows of a piece tell types: a rare value of another type is null, not the end of its column's type."""

ROWS = 5_000
"""How many rows are values of Python at a time."""


class Reading(NamedTuple):
    """How delimited files are read (v1-behaviours 13.2)."""

    separator: str
    header: str
    encoding: str
    multi_line: bool
    empty_as_string: bool
    skip_lines: int = 0
    """How many lines at the start of a file are no part of the table."""
    skip_from: str = SkipLinesBehavior.NO_ROWS.name
    """From which files they are left out: a member of SkipLinesBehavior."""
    comment: str = ""
    """How a line begins that is no row; empty where all are."""

    @classmethod
    def of(cls, definition: Dict[str, Any]) -> Reading:
        return cls(
            definition.get("separator", ","),
            header_name(definition.get("header", True)),
            encoding_name(definition.get("encoding", "utf8")),
            bool(definition.get("support_multi_line")),
            bool(definition.get("empty_as_string")),
            definition.get("skip_lines", 0),
            definition.get("skip_from", SkipLinesBehavior.NO_ROWS.name),
            definition.get("comment", ""),
        )

    def has_header(self, file: Opened) -> bool:
        if self.header == "ONLY_FIRST_FILE_HAS_HEADERS":
            return file.is_first
        return self.header != "NO_HEADERS"

    def skipped(self, file: Opened) -> int:
        """How many lines at the start of a file are left out."""
        if self.skip_from == SkipLinesBehavior.FROM_ALL_FILES.name:
            return self.skip_lines
        return self.skip_lines if file.is_first and self.skip_from != SkipLinesBehavior.NO_ROWS.name else 0


class Delimited:
    """The format of delimited files."""

    def __init__(self, definition: Dict[str, Any]) -> None:
        self._reading = Reading.of(definition)
        self._infer = definition.get("infer_column_types", True)
        self._set = dict(definition.get("set_column_types") or {})
        self._types: Optional[Dict[str, str]] = definition.get("types")
        self._names: List[str] = []

    def names(self, files: _Files) -> List[str]:
        names: List[str] = []
        count = len(files) if self._reading.header == "COMBINE_ALL_FILES_HEADERS" else 1
        for number in range(len(files)):
            if number >= count and names:
                break
            file = files[number]
            names += [name for name in header_of(file, self._reading) if name not in names]
        if not names:
            raise DatasetValidationError(f"{files[0].shown} is empty: it has no columns.")
        self._names = names
        if self._types is None:
            self._types = infer_types(files, self._reading) if self._infer else {}
        return names

    @property
    def inferred(self) -> Optional[Dict[str, str]]:
        """The types that samples told."""
        return self._types

    @property
    def types(self) -> Dict[str, str]:
        """The types of the columns that are not text, once they are known."""
        return {**(self._types or {}), **self._set}

    def read(self, file: Opened, asked: Asked, toll: Toll, notes: Notes) -> Iterator[Block]:
        types = {name: DataType.parse(self.types.get(name, STRING)) for name in self._names}
        own = self._own_names(file)
        if has_arrow() and not self._reading.comment:
            from amlet.sdk.dataset.delimited_arrow import read_arrow

            return read_arrow(file, own, asked, types, self._reading, notes)
        return _read(file, own, asked, types, self._reading, notes)

    def _own_names(self, file: Opened) -> List[str]:
        reading = self._reading
        if not reading.has_header(file) or file.is_first:
            return self._names if reading.header != "COMBINE_ALL_FILES_HEADERS" else header_of(file, reading)
        own = header_of(file, reading)
        if reading.header == "ALL_FILES_HAVE_SAME_HEADERS" and own and sorted(own) != sorted(self._names):
            lost = [name for name in self._names if name not in own]
            more = [name for name in own if name not in self._names]
            told = [f"{words} {', '.join(map(repr, some))}" for words, some in (("lacks", lost), ("has", more)) if some]
            raise DatasetExecutionError(
                f"The header of {file.shown} is not that of the first file: it {' and '.join(told)}.",
                hint="header='COMBINE_ALL_FILES_HEADERS' takes the columns of all files.",
            )
        return own or self._names


def header_of(file: Opened, reading: Reading) -> List[str]:
    """The columns of one file; empty for an empty file.

    Raises:
        DatasetExecutionError: it is no text of that encoding.
    """
    with open_text(file.place, reading) as stream, _reading_errors(file, reading):
        first: List[str] = next((row for row in rows(stream, reading, reading.skipped(file)) if row), [])
    if reading.has_header(file):
        return unique_names(first)
    return [f"Column{number}" for number in range(1, len(first) + 1)]


def header_lines(file: Opened, reading: Reading) -> int:
    """How many lines of a file there are up to the end of its header."""
    with open_text(file.place, reading) as stream, _reading_errors(file, reading):
        found = rows(stream, reading, reading.skipped(file))
        next((row for row in found if row), [])
        return int(found.line_num)


def has_rows(file: Opened, reading: Reading) -> bool:
    """Whether anything comes after the header."""
    with open_text(file.place, reading) as stream, _reading_errors(file, reading):
        found = (row for row in rows(stream, reading, reading.skipped(file)) if row)
        if reading.has_header(file):
            next(found, None)
        return next(found, None) is not None


def infer_types(files: _Files, reading: Reading) -> Dict[str, str]:
    """The types of columns, told from the first and the last file; of combined headers from all files."""
    texts: Dict[str, List[str]] = {}
    later: Dict[str, Set[str]] = {}
    count = len(files)
    chosen = range(count) if reading.header == "COMBINE_ALL_FILES_HEADERS" else sorted({0, count - 1})
    names: List[str] = []
    for number in chosen:
        file = files[number]
        own = names if names and not reading.has_header(file) else header_of(file, reading)
        names = names or own
        with _reading_errors(file, reading):
            for place, text in enumerate(sample_texts(file.place, reading.encoding)):
                skip = reading.skipped(file) if place == 0 else 0
                read = (row for row in rows(io.StringIO(text, newline=""), reading, skip) if len(row) == len(own))
                if place == 0 and reading.has_header(file):
                    next(read, None)
                for row in islice(read, SAMPLED_ROWS):
                    for name, value in zip(own, row):
                        texts.setdefault(name, []).append(value)
                for row in read:
                    for name, value in zip(own, row):
                        later.setdefault(name, set()).add(value)
    return widened(types_of_texts(texts), later)


def rows(stream: TextIO, reading: Reading, skip_lines: int) -> Any:
    """The rows of a text, by a reader of Python's. A blank line is an empty row, and so is one that is left out: lines
    keep their numbers."""
    csv.field_size_limit(1 << 30)
    lines: Iterable[str] = stream
    if skip_lines or reading.comment:
        comment = reading.comment
        lines = (
            "\n" if number < skip_lines or (comment and line.startswith(comment)) else line
            for number, line in enumerate(stream)
        )
    return csv.reader(lines, delimiter=reading.separator)


def open_text(place: Path, reading: Reading) -> TextIO:
    """The text of a file, unpacked where its name ends with .gz."""
    codec = CODECS[reading.encoding]
    codec = "utf-8-sig" if codec == "utf-8" else codec
    if place.name.endswith(".gz"):
        return gzip.open(place, "rt", encoding=codec, newline="")
    return place.open(encoding=codec, newline="")


def unequal_row(file: Opened, wanted: int, found: int, where: str) -> DatasetExecutionError:
    """The error for a row of too few or too many fields."""
    return DatasetExecutionError(
        f"{file.shown}, {where}: {found} fields where the first row has {wanted}.",
        hint="is the separator right? A field that holds it must be in double quotes.",
    )


def undecodable(file: Opened, reading: Reading) -> DatasetExecutionError:
    """The error for a file of another encoding."""
    return DatasetExecutionError(
        f"{file.shown} is no text in {reading.encoding}.", hint=f"pass its encoding: one of {', '.join(CODECS)}."
    )


class _reading_errors:  # noqa: N801 - used like a function
    """Turns what Python says of a file that cannot be read into our error."""

    def __init__(self, file: Opened, reading: Reading) -> None:
        self._file = file
        self._reading = reading

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        if isinstance(error, UnicodeError):
            raise undecodable(self._file, self._reading) from error
        if isinstance(error, (csv.Error, EOFError, gzip.BadGzipFile if hasattr(gzip, "BadGzipFile") else EOFError)):
            raise DatasetExecutionError(f"{self._file.shown} cannot be read: {one_line(error)}.", error) from error


def _read(
    file: Opened,
    own: Sequence[str],
    asked: Asked,
    types: Dict[str, DataType],
    reading: Reading,
    notes: Notes,
) -> Iterator[Block]:
    kinds = {name: types[name].kind for name in asked.columns}
    with open_text(file.place, reading) as stream, _reading_errors(file, reading):
        source = rows(stream, reading, reading.skipped(file))
        found = (row for row in source if row)
        if reading.has_header(file):
            next(found, None)
        converters = [
            _converter(types[name], reading, notes.of(name, types[name].kind, file.shown)) for name in asked.columns
        ]
        places = [own.index(name) if name in own else None for name in asked.columns]
        count = min(asked.limit or ROWS, ROWS)
        is_first = True
        while True:
            some = list(islice(found, count))
            if not some and not is_first:
                return
            is_first = False
            for row in some:
                if len(row) != len(own):
                    raise unequal_row(file, len(own), len(row), f"line {source.line_num} or before")
            columns = {
                name: [None] * len(some) if at is None else [convert(row[at]) for row in some]
                for name, at, convert in zip(asked.columns, places, converters)
            }
            yield ListBlock(columns, len(some), kinds)


def _converter(told: DataType, reading: Reading, note: Any) -> Any:
    if told.kind == STRING:
        return (lambda text: text) if reading.empty_as_string else (lambda text: None if text in NULL_TEXTS else text)
    read = told.reader

    def convert(text: str) -> Any:
        if text in NULL_TEXTS:
            return None
        try:
            return read(text)
        except ValueError:
            note(text)
            return None

    return convert
