"""A definition that is opened: its columns, its rows as they come, and its data frame."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Optional, Protocol, Sequence

from amlet.sdk.dataset import steps as steps_of
from amlet.sdk.dataset.arrow_blocks import concatenated, has_compute, is_record
from amlet.sdk.dataset.blocks import Block, ListBlock, joined
from amlet.sdk.dataset.data_type import DATETIME, DATETIME_WITH_ZONE
from amlet.sdk.dataset.errors import one_line
from amlet.sdk.dataset.files import SourceFile, list_files
from amlet.sdk.dataset.notes import Notes
from amlet.sdk.dataset.packages import has_arrow, need
from amlet.sdk.dataset.sources import Sources
from amlet.sdk.dataset.steps import Plan
from amlet.sdk.dataset.table import FileTable
from amlet.sdk.exceptions import UserErrorException

DELIMITED, JSON_LINES, JSON, PARQUET, SQL = "delimited", "json_lines", "json", "parquet", "sql"


_MARK = re.compile(r"(?:^|/)(?:_SUCCESS|_metadata|_common_metadata|_committed_\w+|_started_\w+|\.[^/]*\.crc)\Z")
"""What Spark and its like leave beside the files of a table."""


class Table(Protocol):
    """Data that is opened."""

    @property
    def names(self) -> List[str]:
        """Its columns."""

    def blocks(self, plan: Plan, columns: Sequence[str], notes: Notes) -> Iterator[Block]:
        """The rows of a plan."""


def open_table(sources: Sources, definition: Dict[str, Any]) -> Table:
    """The data of a tabular definition, opened so far that its columns are known.

    Raises:
        UserErrorException: it is not there, or not what the definition says.
    """
    reader = definition.get("reader")
    if reader == SQL:
        from amlet.sdk.dataset.sql_table import SqlTable

        assert sources.workspace is not None
        return SqlTable(sources.paths[0], sources.workspace, definition)
    files = _data_files(sources)
    glob = definition.get("path_glob")
    if glob:
        from amlet.domain.data import matcher

        files = [file for file in files if matcher(glob).fullmatch(file.relative)]
        if not files:
            raise UserErrorException(f"No file matches path_glob={glob!r}.")
    return FileTable(_format(reader, definition), files, sources.workspace, definition)


def _data_files(sources: Sources) -> List[SourceFile]:
    """The files of a table: those that are named, and of folders and globs those that are not marks of Spark's."""
    files = list_files(sources)
    data = [file for file in files if not _MARK.search(file.source.path) or file.source in sources.paths]
    return data or files


def types_of(sources: Sources, definition: Dict[str, Any]) -> Optional[Dict[str, str]]:
    """The types of columns that a format without types of its own tells by samples; None for the others."""
    table = open_table(sources, definition)
    return getattr(table, "inferred_types", None)


def read_blocks(sources: Sources, definition: Dict[str, Any], notes: Notes, *, whole: bool = False) -> Iterator[Block]:
    """The rows that a definition and its steps leave, as they come."""
    steps = definition.get("steps", [])
    plan = steps_of.plan(steps, whole=whole)
    table = open_table(sources, definition)
    columns = steps_of.columns_needed(steps, table.names)
    return steps_of.run(plan.rest, table.blocks(plan, columns, notes))


def to_data_frame(sources: Sources, definition: Dict[str, Any], *, fail: bool, out_of_range: str) -> Any:
    """All rows as a data frame of pandas.

    Args:
        fail: A value that is not of its column's type is an error, else it is null.
        out_of_range: The same for times that pandas cannot hold: `null` or `fail`.
    """
    pandas = need("pandas", "A data frame")
    notes = Notes(fail=fail)
    blocks = list(read_blocks(sources, definition, notes, whole=True))
    notes.tell()
    if has_arrow():
        arrow = need("pyarrow", "A data frame")
        tables = [block.to_arrow() for block in blocks]
        filled = [table for table in tables if table.num_rows] or tables[:1]
        table = filled[0] if len(filled) == 1 else concatenated(filled)
        blocks.clear()
        return _from_arrow(pandas, arrow, table, out_of_range)
    return _from_lists(pandas, joined(blocks), out_of_range)


def _format(reader: Any, definition: Dict[str, Any]) -> Any:
    if reader == DELIMITED:
        from amlet.sdk.dataset.delimited import Delimited

        return Delimited(definition)
    if reader == JSON_LINES:
        from amlet.sdk.dataset.json_lines import JsonLines

        return JsonLines(definition)
    if reader == JSON:
        from amlet.sdk.dataset.json_files import JsonFiles

        return JsonFiles(definition)
    if reader == PARQUET:
        from amlet.sdk.dataset.parquet import Parquet

        return Parquet(definition)
    raise UserErrorException(
        f"This dataset is read by {reader!r}, which this amlet does not know.", hint="take a newer amlet."
    )


def _from_arrow(pandas: Any, arrow: Any, table: Any, out_of_range: str) -> Any:
    records = [field.name for field in table.schema if is_record(field)]
    times = [field.name for field in table.schema if arrow.types.is_timestamp(field.type) and field.type.unit != "ns"]
    for name in times:
        table = _in_nanoseconds(arrow, table, name, out_of_range)
    frame = table.to_pandas()
    for name in records:
        import json

        frame[name] = [None if value is None else json.loads(value) for value in table.column(name).to_pylist()]
    return frame


def _in_nanoseconds(arrow: Any, table: Any, name: str, out_of_range: str) -> Any:
    """A column of times in pandas' own unit, which ends in 2262."""
    column = table.column(name)
    wanted = arrow.timestamp("ns", tz=column.type.tz)
    try:
        cast = column.cast(wanted)
    except arrow.ArrowInvalid as error:
        if out_of_range == "fail":
            raise UserErrorException(
                f"Column {name!r} has a time that pandas cannot hold: {one_line(error)}.",
                hint="out_of_range_datetime='null' makes such times null.",
            ) from error
        in_us = arrow.timestamp("us", tz=column.type.tz)
        numbers = _or_null(arrow, column.cast(in_us).cast(arrow.int64()), most=(1 << 63) // 1000 - 1)
        cast = numbers.cast(in_us).cast(wanted)
    return table.set_column(table.column_names.index(name), arrow.field(name, wanted), cast)


def _or_null(arrow: Any, numbers: Any, *, most: int) -> Any:
    """Whole numbers, and null for those that are not within -most and most."""
    if not has_compute():
        held = [number if number is not None and -most < number < most else None for number in numbers.to_pylist()]
        return arrow.array(held, type=arrow.int64())
    compute = need("pyarrow.compute", "A data frame")
    inside = compute.and_(compute.less(numbers, most), compute.greater(numbers, -most))
    return compute.if_else(inside, numbers, arrow.scalar(None, arrow.int64()))


def _from_lists(pandas: Any, block: ListBlock, out_of_range: str) -> Any:
    columns = {}
    for name, values in block.columns.items():
        if block.kinds.get(name) in (DATETIME, DATETIME_WITH_ZONE):
            how = "raise" if out_of_range == "fail" else "coerce"
            columns[name] = pandas.to_datetime(pandas.Series(values, dtype="object"), errors=how).astype(
                "datetime64[ns]"
            )
        else:
            columns[name] = pandas.Series(values)
    return pandas.DataFrame(columns)
