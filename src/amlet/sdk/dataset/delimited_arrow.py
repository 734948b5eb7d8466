"""Delimited files by pyarrow: as fast as it reads them, and value by value only where a value is not of its type."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Optional, Sequence

from amlet.sdk.dataset.arrow_blocks import ArrowBlock, arrow_type, cast, empty_table, table_of
from amlet.sdk.dataset.data_type import (
    DATETIME,
    DATETIME_WITH_ZONE,
    FALSE_TEXTS,
    FLOAT,
    NULL_TEXTS,
    STRING,
    TRUE_TEXTS,
    DataType,
)
from amlet.sdk.dataset.delimited import Reading, has_rows, header_lines, undecodable, unequal_row
from amlet.sdk.dataset.errors import DatasetExecutionError, one_line
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.packages import need
from amlet.sdk.dataset.table import Asked, Opened
from amlet.sdk.dataset.type_definitions import CODECS

WHOLE_BYTES = 4 << 20
"""How much is parsed at a time of what is held whole: pyarrow's own 1 MiB makes four times the pieces to join."""

STREAM_BYTES = 512 << 10
"""How much is parsed at a time of what is not: pyarrow holds some twenty such pieces ready."""

FIRST_BYTES = 256 << 10
"""What is read for a few rows."""

MOST_BYTES = 1 << 30
"""A row has to fit into a piece: pieces grow up to this for a file whose rows are long."""

_UNEQUAL = re.compile(r"Expected (\d+) columns, got (\d+)(?:: (.*))?", re.DOTALL)


def read_arrow(
    file: Opened,
    own: Sequence[str],
    asked: Asked,
    types: Dict[str, DataType],
    reading: Reading,
    notes: Notes,
) -> Iterator[ArrowBlock]:
    """The rows of one file. Columns that it does not have are null."""
    csv, arrow = need("pyarrow.csv", "A table"), need("pyarrow", "A table")
    wanted = [name for name in asked.columns if name in own]
    # With no column asked for one is read all the same: it tells how many rows there are.
    read = wanted or list(own[:1])
    kinds = _by_arrow(read, types)
    piece_bytes = FIRST_BYTES if _is_few(asked) else WHOLE_BYTES if asked.whole else STREAM_BYTES
    done = 0
    unequal: List[Any] = []
    while True:
        left = done
        try:
            for table in _tables(csv, arrow, file, own, read, kinds, types, asked, reading, piece_bytes, unequal):
                part = table.slice(min(left, table.num_rows))
                left -= table.num_rows - part.num_rows
                made = _finish(part, asked.columns, wanted, types, file, notes)
                done += part.num_rows
                yield ArrowBlock(made)
            return
        except (arrow.ArrowInvalid, UnicodeError) as error:
            said = str(error)
            if isinstance(error, UnicodeError) or "invalid UTF8" in said:
                raise undecodable(file, reading) from error
            row = _unequal(unequal, said)
            if row is not None:
                raise unequal_row(file, *row) from error
            is_short = "Could not skip initial" in said
            if is_short and not has_rows(file, reading):
                table = empty_table(arrow.schema([(name, kinds.get(name, arrow.string())) for name in read]))
                yield ArrowBlock(_finish(table, asked.columns, wanted, types, file, notes))
                return
            if ("straddling" in said or is_short) and piece_bytes < MOST_BYTES:
                piece_bytes *= 8
            elif kinds and "conversion error" in said:
                kinds = {}  # all as text: what is of another type is found value by value
            else:
                raise DatasetExecutionError(f"{file.shown} cannot be read: {one_line(error)}.", error) from error


def _tables(
    csv: Any,
    arrow: Any,
    file: Opened,
    own: Sequence[str],
    read: Sequence[str],
    kinds: Dict[str, Any],
    types: Dict[str, DataType],
    asked: Asked,
    reading: Reading,
    piece_bytes: int,
    unequal: List[Any],
) -> Iterator[Any]:
    """The file as tables of these types; columns that are not among them are text."""

    def refuse(row: Any) -> str:
        unequal.append(row)
        return "error"

    codec = CODECS[reading.encoding]
    # By lines: rows that are skipped after the names would count blank lines before the header.
    skip = header_lines(file, reading) if reading.has_header(file) else reading.skipped(file)
    refusal = {"invalid_row_handler": refuse} if hasattr(csv.ParseOptions, "invalid_row_handler") else {}
    options = {
        "read_options": csv.ReadOptions(
            column_names=list(own),
            encoding="utf8" if codec.startswith("utf-8") else codec,
            use_threads=not _is_few(asked),
            block_size=piece_bytes,
            skip_rows=skip,
        ),
        "parse_options": csv.ParseOptions(
            delimiter=reading.separator, newlines_in_values=reading.multi_line, **refusal
        ),
        "convert_options": csv.ConvertOptions(
            column_types={name: kinds.get(name, arrow.string()) for name in read},
            include_columns=list(read),
            null_values=list(NULL_TEXTS),
            strings_can_be_null=not reading.empty_as_string,
            true_values=list(TRUE_TEXTS),
            false_values=list(FALSE_TEXTS),
            timestamp_parsers=[*_formats(read, types), csv.ISO8601],
        ),
    }
    empty = empty_table(arrow.schema([(name, kinds.get(name, arrow.string())) for name in read]))
    if not file.place.stat().st_size:
        yield empty
    elif asked.whole:
        try:
            yield csv.read_csv(str(file.place), **options)
        except arrow.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise
            yield empty
    else:
        yield from _streamed(csv, arrow, file, options, empty)


def _streamed(csv: Any, arrow: Any, file: Opened, options: Dict[str, Any], empty: Any) -> Iterator[Any]:
    try:
        stream = csv.open_csv(str(file.place), **options)
    except arrow.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise
        yield empty
        return
    with stream:
        count = 0
        for batch in stream:
            count += 1
            yield arrow.Table.from_batches([batch])
        if not count:
            yield empty


def _is_few(asked: Asked) -> bool:
    return asked.limit is not None and asked.limit <= 1_000


def _unequal(refused: Sequence[Any], said: str) -> Optional[List[Any]]:
    """Of a row that has too few or too many fields: how many it should have, how many it has, and which it is."""
    if refused:
        row = refused[0]
        where = f"row {row.number}" if row.number is not None else f"the row {row.text[:60]!r}"
        return [row.expected_columns, row.actual_columns, where]
    found = _UNEQUAL.search(said)
    if found is None:
        return None
    return [int(found.group(1)), int(found.group(2)), f"the row {found.group(3)[:60]!r}" if found.group(3) else "a row"]


def _by_arrow(names: Sequence[str], types: Dict[str, DataType]) -> Dict[str, Any]:
    """The types that pyarrow itself reads from text; the others are made of text afterwards."""
    arrow = need("pyarrow", "A table")
    many = len(_formats(names, types, at_most=None)) > 1
    found = {}
    for name in names:
        told = types[name]
        if told.kind == DATETIME_WITH_ZONE:
            found[name] = arrow.timestamp("us", tz="UTC")
        elif (told.kind == FLOAT and told.argument) or (told.kind == DATETIME and told.argument and many):
            found[name] = arrow.string()
        else:
            found[name] = arrow_type(told.kind)
    return found


def _formats(names: Sequence[str], types: Dict[str, DataType], at_most: Any = 1) -> List[str]:
    """The formats of times of all columns: pyarrow holds every column against every one, so one alone is safe."""
    told = [types[name].argument or [] for name in names if types[name].kind == DATETIME]
    found = list(dict.fromkeys(form for forms in told for form in forms))
    return found if at_most is None or len(found) <= at_most else []


def _finish(
    table: Any,
    columns: Sequence[str],
    present: Sequence[str],
    types: Dict[str, DataType],
    file: Opened,
    notes: Notes,
) -> Any:
    """The columns that are asked for, each of its type."""
    arrow = need("pyarrow", "A table")
    made = {}
    for name in columns:
        told = types[name]
        if name not in present:
            made[name] = arrow.nulls(table.num_rows, type=arrow_type(told.kind))
        elif told.kind == DATETIME_WITH_ZONE and arrow.types.is_timestamp(table.column(name).type):
            made[name] = table.column(name).cast(arrow.timestamp("us"))
        elif told.kind == STRING:
            made[name] = table.column(name)
        else:
            made[name] = cast(table.column(name), told, notes.of(name, told.kind, file.shown))
    return table_of(made) if made else _without_columns(arrow, table)


def _without_columns(arrow: Any, table: Any) -> Any:
    return table.select([]) if table.num_columns else table
