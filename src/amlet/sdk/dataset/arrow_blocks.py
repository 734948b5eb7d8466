"""Blocks as tables of pyarrow: columns that are read, compared and written without a Python value a cell."""

from __future__ import annotations

import json
import struct
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, List, Optional, Sequence

from amlet.sdk.dataset import expressions
from amlet.sdk.dataset.data_type import (
    BOOL,
    DATETIME,
    DATETIME_WITH_ZONE,
    FLOAT,
    LONG,
    NULL_TEXTS,
    RECORD,
    STRING,
    DataType,
)
from amlet.sdk.dataset.packages import need

_EPOCH = datetime(1970, 1, 1)

RECORD_MARK = b"amlet.record"
"""Metadata of a column whose texts are JSON."""

_FUNCTIONS = {
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "starts_with": "starts_with",
    "ends_with": "ends_with",
    "contains": "match_substring",
}


class ArrowBlock:
    """Rows as a table of pyarrow."""

    def __init__(self, table: Any) -> None:
        self.table = table

    @property
    def names(self) -> List[str]:
        return list(self.table.column_names)

    @property
    def count(self) -> int:
        return int(self.table.num_rows)

    def slice(self, start: int, count: int) -> ArrowBlock:
        return ArrowBlock(self.table.slice(start, count))

    def pick(self, mask: Any) -> ArrowBlock:
        arrow = need("pyarrow", "A table")
        return ArrowBlock(self.table.filter(arrow.array(mask, type=arrow.bool_()) if isinstance(mask, list) else mask))

    def select(self, names: Sequence[str]) -> ArrowBlock:
        return ArrowBlock(self.table.select(list(names)))

    def matches(self, condition: List[Any]) -> Any:
        """Which rows match a condition, as an array of pyarrow that `pick` takes."""
        arrow = need("pyarrow", "A table")
        if not has_compute():
            columns = {name: self.values(name) for name in expressions.columns_of(condition)}
            return expressions.rows_that_match(condition, columns, self.count)
        try:
            return self._mask(condition)
        except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, arrow.ArrowTypeError) as error:
            raise TypeError(str(error)) from error

    def values(self, name: str) -> List[Any]:
        column = self.table.column(name)
        arrow = need("pyarrow", "A table")
        if arrow.types.is_timestamp(column.type) and column.type.unit == "ns":
            column = column.cast(arrow.timestamp("us", tz=column.type.tz), safe=False)
        found: List[Any] = column.to_pylist()
        if is_record(self.table.schema.field(name)):
            return [None if value is None else json.loads(value) for value in found]
        return found

    def to_arrow(self) -> Any:
        return self.table

    def _mask(self, told: List[Any]) -> Any:
        compute = need("pyarrow.compute", "A table")
        name = told[0]
        if name == "not":
            return compute.invert(self._mask(told[1]))
        if name in ("and", "or"):
            join = compute.and_ if name == "and" else compute.or_
            return join(self._mask(told[1]), self._mask(told[2]))
        left = self._side(told[1])
        if name == "is_null":
            return _is_nothing(compute, left)
        if name in expressions.TEXT_TESTS:
            found = getattr(compute, _FUNCTIONS[name])(left, pattern=told[2])
            return compute.fill_null(found, scalar_of(False))
        right = self._side(told[2])
        left, right = _comparable(left, right)
        found = compute.fill_null(getattr(compute, _FUNCTIONS[name])(left, right), scalar_of(name == "!="))
        if found.__class__.__name__.endswith("Scalar"):
            arrow = need("pyarrow", "A table")
            return arrow.array([found.as_py()] * self.count)
        return found

    def _side(self, part: Any) -> Any:
        arrow = need("pyarrow", "A table")
        if isinstance(part, list):
            column = self.table.column(part[1])
            return column.cast(column.type.value_type) if arrow.types.is_dictionary(column.type) else column
        return scalar_of(expressions.literal(part))


def empty_table(schema: Any) -> Any:
    """A table without rows. `schema.empty_table()` would import pandas, as `arrow.array` and `arrow.scalar` do: 45 MB
    of which a stream has no need.
    """
    return need("pyarrow", "A table").Table.from_batches([], schema=schema)


def scalar_of(value: Any) -> Any:
    """A value as pyarrow's own, without pandas where it is a number, a truth, a text or a time without a zone."""
    arrow = need("pyarrow", "A table")
    kind, data = type(value), []
    if kind is bool:
        made, data = arrow.bool_(), [bytes([value])]
    elif kind is int and -(1 << 63) <= value < 1 << 63:
        made, data = arrow.int64(), [struct.pack("q", value)]
    elif kind is float:
        made, data = arrow.float64(), [struct.pack("d", value)]
    elif kind is str:
        text = value.encode("utf-8")
        made, data = arrow.string(), [struct.pack("ii", 0, len(text)), text]
    elif kind is datetime and value.tzinfo is None:
        made, data = arrow.timestamp("us"), [struct.pack("q", (value - _EPOCH) // timedelta(microseconds=1))]
    else:
        return arrow.scalar(value)
    return arrow.Array.from_buffers(made, 1, [None, *map(arrow.py_buffer, data)])[0]


def has_compute() -> bool:
    """Whether this pyarrow has all functions that are used here: those before 5.0 have not."""
    return hasattr(need("pyarrow.compute", "A table"), "if_else")


def arrow_type(kind: str) -> Any:
    """The type of pyarrow of a kind of column."""
    arrow = need("pyarrow", "A table")
    made: Dict[str, Callable[[], Any]] = {
        LONG: arrow.int64,
        FLOAT: arrow.float64,
        BOOL: arrow.bool_,
        DATETIME: lambda: arrow.timestamp("us"),
        DATETIME_WITH_ZONE: lambda: arrow.timestamp("us"),
        STRING: arrow.string,
        RECORD: arrow.string,
    }
    return made[kind]()


def arrow_array(values: List[Any], kind: Optional[str]) -> Any:
    """Python's values as an array; `kind` None lets the values tell their type."""
    arrow = need("pyarrow", "A table")
    if kind == RECORD:
        values = [None if value is None else json.dumps(value) for value in values]
    return arrow.array(values, type=arrow_type(kind) if kind is not None else None)


def table_of(columns: Dict[str, Any], records: Sequence[str] = ()) -> Any:
    """A table of arrays; the columns of `records` hold JSON."""
    arrow = need("pyarrow", "A table")
    fields = [field_of(name, values.type, name in records) for name, values in columns.items()]
    return arrow.Table.from_arrays(list(columns.values()), schema=arrow.schema(fields))


def concatenated(tables: Sequence[Any]) -> Any:
    """One table of several; a column that one has nothing but nulls in is of the others' type."""
    arrow = need("pyarrow", "A table")
    try:
        return arrow.concat_tables(list(tables))
    except arrow.ArrowInvalid:
        is_new = int(arrow.__version__.partition(".")[0]) >= 14
        return arrow.concat_tables(list(tables), **({"promote_options": "default"} if is_new else {"promote": True}))


def field_of(name: str, kind: Any, record: bool) -> Any:
    """A column of a schema."""
    arrow = need("pyarrow", "A table")
    return arrow.field(name, kind, metadata={RECORD_MARK: b"1"} if record else None)


def is_record(field: Any) -> bool:
    """Whether a column holds JSON."""
    return bool(field.metadata) and RECORD_MARK in field.metadata


def cast_texts(column: Any, told: DataType, note: Callable[[Any], None]) -> Any:
    """A column of texts as values of a type; what cannot be read is null.

    Args:
        note: Called with each text that cannot be read.
    """
    arrow = need("pyarrow", "A table")
    read = told.reader
    values = []
    for text in column.to_pylist():
        try:
            values.append(None if text is None or text.strip() in NULL_TEXTS else read(text))
        except ValueError:
            note(text)
            values.append(None)
    return arrow.array(values, type=arrow_type(told.kind))


def cast(column: Any, told: DataType, note: Callable[[Any], None]) -> Any:
    """A column of any type as one of another; what has no such value is null."""
    arrow = need("pyarrow", "A table")
    wanted = arrow_type(told.kind)
    if column.type == wanted and not (told.kind == FLOAT and told.argument):
        return column
    is_text = arrow.types.is_string(column.type) or arrow.types.is_large_string(column.type)
    try:
        if is_text and (told.argument or told.kind in (BOOL, DATETIME, DATETIME_WITH_ZONE)):
            raise arrow.ArrowInvalid("to be read one by one")
        return column.cast(wanted)
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError):
        texts = column if is_text else arrow.array([None if v is None else str(v) for v in column.to_pylist()])
        return cast_texts(texts, told, note)


def _is_nothing(compute: Any, values: Any) -> Any:
    arrow = need("pyarrow", "A table")
    empty = compute.is_null(values)
    if arrow.types.is_floating(values.type):
        return compute.or_(empty, compute.fill_null(compute.is_nan(values), True))
    return empty


def _comparable(left: Any, right: Any) -> Any:
    """Both sides, of one unit of time and without zones: arrow compares no others."""
    arrow = need("pyarrow", "A table")
    sides = []
    for side in (left, right):
        if arrow.types.is_timestamp(side.type) or arrow.types.is_date(side.type):
            side = side.cast(arrow.timestamp("ns" if _fits(side) else "us"))
        sides.append(side)
    kinds = [side.type for side in sides]
    if all(map(arrow.types.is_timestamp, kinds)) and kinds[0] != kinds[1]:
        sides = [side.cast(arrow.timestamp("us"), safe=False) for side in sides]
    if arrow.uint64() in kinds and kinds[0] != kinds[1] and all(map(arrow.types.is_integer, kinds)):
        try:
            sides = [side.cast(arrow.uint64()) for side in sides]
        except arrow.ArrowInvalid:  # a negative one
            sides = [side.cast(arrow.float64(), safe=False) for side in sides]
    textual = [arrow.types.is_string(kind) or arrow.types.is_large_string(kind) for kind in kinds]
    if textual[0] != textual[1]:
        raise TypeError(f"{kinds[0]} and {kinds[1]} cannot be compared")
    return sides


def _fits(side: Any) -> bool:
    return bool(getattr(side.type, "unit", None) == "ns")
