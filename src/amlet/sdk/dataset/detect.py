"""What kind of file it is and how it is to be read, told from its beginning."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List

from amlet.sdk.dataset import reading
from amlet.sdk.dataset.errors import DatasetValidationError, one_line
from amlet.sdk.dataset.infer import types_of_texts
from amlet.sdk.dataset.samples import PIECE_BYTES
from amlet.sdk.dataset.type_definitions import CODECS, PromoteHeadersBehavior

SEPARATORS = ",\t;|"
ROWS = 50
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf32"),
    (b"\x00\x00\xfe\xff", "utf32"),
    (b"\xff\xfe", "utf16"),
    (b"\xfe\xff", "utf16"),
)


def definition_of(place: Path, shown: str) -> Dict[str, Any]:
    """How a file is to be read: Parquet, JSON, or delimited with its encoding, separator and header.

    Raises:
        DatasetValidationError: it is empty, or none of these.
    """
    try:
        start = _beginning(place)
    except (OSError, EOFError) as error:
        raise DatasetValidationError(f"{shown} cannot be read: {one_line(error)}.", error) from error
    if start.startswith(b"PAR1"):
        return {"reader": reading.PARQUET}
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DatasetValidationError(
            f"{shown} is an archive or a workbook.",
            hint="unpack it; a workbook is read by pandas.read_excel, then Dataset.from_pandas_dataframe(frame).",
        )
    encoding = _encoding_of(start)
    text = start.decode(CODECS[encoding], errors="ignore").lstrip("\ufeff")
    if b"\x00" in start and encoding not in ("utf16", "utf32"):
        raise DatasetValidationError(
            f"{shown} is no table that amlet knows.", hint="Dataset.File.from_files(path) takes files of any kind."
        )
    if text.lstrip()[:1] in ("{", "["):
        return {"reader": reading.JSON_LINES if _is_an_object_a_line(text) else reading.JSON, "encoding": encoding}
    separator = _separator_of(text)
    rows = _rows(text, separator)
    if not rows:
        raise DatasetValidationError(f"{shown} is empty: it has no columns.")
    header = "ALL_FILES_HAVE_SAME_HEADERS" if _is_header(rows[0]) else "NO_HEADERS"
    return {
        "reader": reading.DELIMITED,
        "separator": separator,
        "header": PromoteHeadersBehavior[header].name,
        "encoding": encoding,
        "infer_column_types": True,
    }


def _beginning(place: Path) -> bytes:
    if place.name.endswith(".gz"):
        with gzip.open(place, "rb") as packed:
            return packed.read(PIECE_BYTES)
    with place.open("rb") as stream:
        return stream.read(PIECE_BYTES)


def _encoding_of(start: bytes) -> str:
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    try:
        # The last character may be cut.
        start[: max(len(start) - 4, 0) if len(start) == PIECE_BYTES else len(start)].decode("utf-8")
    except UnicodeDecodeError as error:
        return "utf8" if error.reason == "unexpected end of data" else "windows1252"
    return "utf8"


def _is_an_object_a_line(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        return len(lines) > 1 and all(isinstance(json.loads(line), dict) for line in lines[:2])
    except ValueError:
        return False


def _rows(text: str, separator: str) -> List[List[str]]:
    """The first rows, without one that may be cut."""
    found: List[List[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if row and len(found) <= ROWS:
                found.append(row)
    except csv.Error:
        pass
    return found[:ROWS] if len(found) > 1 else found


def _separator_of(text: str) -> str:
    """The one that cuts the most rows into equally many fields, at least two."""

    def score(separator: str) -> Any:
        counts = Counter(len(row) for row in _rows(text, separator))
        fields, times = max(counts.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        return (times if fields > 1 else 0, fields)

    return max(SEPARATORS, key=score)


def _is_header(row: List[str]) -> bool:
    """Whether a first row names columns: all of it is text, and no name comes twice."""
    return len(set(row)) == len(row) and all(row) and not types_of_texts({str(n): [it] for n, it in enumerate(row)})
