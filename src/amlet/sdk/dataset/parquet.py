"""Parquet files by pyarrow: only the columns and row groups that are needed."""

from __future__ import annotations

import contextlib
from inspect import signature
from typing import Any, Dict, Iterator, List, Optional

from amlet.sdk.dataset import expressions
from amlet.sdk.dataset.arrow_blocks import ArrowBlock, arrow_type, cast, empty_table
from amlet.sdk.dataset.blocks import Block
from amlet.sdk.dataset.data_type import DataType
from amlet.sdk.dataset.errors import DatasetExecutionError, DatasetValidationError, one_line
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.packages import need
from amlet.sdk.dataset.table import BLOCK_ROWS, Asked, Opened, Toll, _Files

_NEEDS = "A Parquet file"


class Parquet:
    """The format of Parquet files. The first file tells the columns and their types."""

    def __init__(self, definition: Dict[str, Any]) -> None:
        self._set = {name: DataType.parse(told) for name, told in (definition.get("set_column_types") or {}).items()}
        self._schema: Any = None

    def names(self, files: _Files) -> List[str]:
        with _open(files[0]) as parquet:
            self._schema = parquet.schema_arrow
        if not self._schema.names:
            raise DatasetValidationError(f"{files[0].shown} has no columns.")
        return list(self._schema.names)

    def read(self, file: Opened, asked: Asked, toll: Toll, notes: Notes) -> Iterator[Block]:
        arrow = need("pyarrow", _NEEDS)
        with _open(file) as parquet:
            own = parquet.schema_arrow.names
            columns = [name for name in asked.columns if name in own]
            try:
                for table in _tables(arrow, parquet, columns, asked, toll):
                    yield ArrowBlock(self._finish(table, asked.columns, file, notes))
            except (arrow.ArrowInvalid, OSError) as error:
                raise DatasetExecutionError(f"{file.shown} cannot be read: {one_line(error)}.", error) from error

    def _finish(self, table: Any, columns: List[str], file: Opened, notes: Notes) -> Any:
        arrow = need("pyarrow", _NEEDS)
        if not columns:
            return table
        made, fields = [], []
        for name in columns:
            field = self._schema.field(name)
            if name not in table.column_names:
                column = arrow.nulls(table.num_rows, type=field.type)
            else:
                column = table.column(name)
            told = self._set.get(name)
            if told is not None:
                column = cast(column, told, notes.of(name, told.kind, file.shown))
                field = arrow.field(name, arrow_type(told.kind))
            elif column.type != field.type:
                column = _as_first(arrow, column, field, file)
            made.append(column)
            fields.append(field)
        return arrow.Table.from_arrays(made, schema=arrow.schema(fields))


def _tables(arrow: Any, parquet: Any, columns: List[str], asked: Asked, toll: Toll) -> Iterator[Any]:
    """The row groups that are needed, a piece at a time: none is read before it is asked for."""
    if asked.whole:
        yield _with_rows(arrow, parquet.read(columns=columns), parquet.metadata.num_rows)
        return
    count = BLOCK_ROWS if asked.limit is None else max(1, min(asked.limit + toll.left, BLOCK_ROWS))
    none = True
    for number in range(parquet.num_row_groups):
        group = parquet.metadata.row_group(number)
        if toll.left >= group.num_rows:
            toll.left -= group.num_rows
            continue
        if asked.where is not None and not expressions.may_match(asked.where, _bounds(parquet, group)):
            continue
        if not columns:
            none = False
            yield _with_rows(arrow, None, group.num_rows)
            continue
        for batch in _batches(parquet, number, columns, count):
            none = False
            yield arrow.Table.from_batches([batch])
    if none:
        schema = parquet.schema_arrow
        yield empty_table(arrow.schema([schema.field(name) for name in columns]))


def _batches(parquet: Any, number: int, columns: List[str], count: int) -> Iterator[Any]:
    """The rows of a row group, so many at a time; an older pyarrow reads all of it first."""
    if hasattr(parquet, "iter_batches"):
        yield from parquet.iter_batches(batch_size=count, row_groups=[number], columns=columns, use_threads=False)
    else:
        yield from parquet.read_row_group(number, columns=columns).to_batches(max_chunksize=count)


def _with_rows(arrow: Any, table: Any, count: int) -> Any:
    """A table of so many rows, also where it has no column."""
    if table is not None and table.num_columns:
        return table
    return arrow.table({"rows": arrow.nulls(count)})


def _bounds(parquet: Any, group: Any) -> Any:
    """What tells the least and the greatest value of a column in a row group, where the file says so."""
    places = {group.column(number).path_in_schema: number for number in range(group.num_columns)}

    def bounds(name: str) -> Optional[List[Any]]:
        if name not in places:
            return None
        told = group.column(places[name]).statistics
        if told is None or not told.has_min_max:
            return None
        found = [told.min, told.max]
        # Numbers: NaN is in no statistics and matches nothing. Times and texts may be cut or have zones: only
        # plain ones are used.
        return [_plain(value) for value in found]

    return bounds


def _plain(value: Any) -> Any:
    """A value of the statistics as filters know it: times in UTC without a zone, cut to microseconds."""
    import datetime

    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime(warn=False)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value


def _as_first(arrow: Any, column: Any, field: Any, file: Opened) -> Any:
    try:
        return column.cast(field.type)
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError) as error:
        raise DatasetExecutionError(
            f"Column {field.name!r} of {file.shown} is of {column.type}, in the first file it is of {field.type}.",
            error,
            hint="set_column_types gives the column one type in all files.",
        ) from error


@contextlib.contextmanager
def _open(file: Opened) -> Iterator[Any]:
    """The file, opened. An older pyarrow's is no context of itself.

    Raises:
        DatasetValidationError: it is no Parquet file.
    """
    arrow, parquet = need("pyarrow", _NEEDS), need("pyarrow.parquet", _NEEDS)
    with contextlib.ExitStack() as opened:
        try:
            source = opened.enter_context(arrow.OSFile(str(file.place)))
            # Else a row group is fetched whole before its first rows; an older pyarrow never does so.
            lazily = {"pre_buffer": False} if "pre_buffer" in signature(parquet.ParquetFile).parameters else {}
            found = parquet.ParquetFile(source, **lazily)
        except (arrow.ArrowInvalid, OSError) as error:
            raise DatasetValidationError(
                f"{file.shown} is no Parquet file, or its footer is broken: {one_line(error)}.",
                error,
                hint="write the file again; a file that is still being written has no footer yet.",
            ) from error
        yield found
