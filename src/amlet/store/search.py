"""Search: which runs a filter finds, in which order, as SQL with bound parameters.

Only the numbers of runs are searched for; the rows of a page are read afterwards, so that no wide row is sorted. A
search goes along the index of its order and ends when the page is full. Tests of metrics and labels are membership in
lists of runs that come from their own indexes, once each; but a range that many runs lie in is asked of run after
run, since the list would take longer than to fill the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Select,
    Table,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)

from amlet.domain.filter import TIME_FIELDS, All, AnyOf, Comparison, Condition, Field, Not, Order, Value, moment_of
from amlet.store import labels
from amlet.store.base import RunFilter
from amlet.store.tables import metrics, run_labels, runs

Test = ColumnElement[bool]

_LABELS = {"params": labels.PARAMETERS, "tags": labels.TAGS, "properties": labels.PROPERTIES}
_COLUMNS: dict[str, ColumnElement[Any]] = {
    "id": runs.c.id,
    "name": runs.c.name,
    "display_name": runs.c.display_name,
    "experiment": runs.c.experiment,
    "status": runs.c.status,
    "type": runs.c.type,
    "target": runs.c.target,
    "parent": runs.c.parent_id,
    "created": runs.c.created,
    "started": runs.c.started,
    "ended": runs.c.ended,
    "duration": type_coerce(
        type_coerce(runs.c.ended, BigInteger) - type_coerce(runs.c.started, BigInteger), BigInteger
    ),
}
_MICROSECONDS = 1e6
_RANGES = ("<", "<=", ">", ">=", "!=")
_LONG_LIST = 10_000
"""A list of so many runs takes 10 ms to make."""


def newest(connection: Connection, workspace_id: str, chosen: RunFilter, count: int) -> list[int]:
    """The numbers of the first runs of a page, newest first."""
    query = select(runs.c.seq).where(*_restrictions(connection, workspace_id, chosen, runs.c.seq, chosen.condition))
    if chosen.before is not None:
        query = query.where(runs.c.seq < chosen.before)
    return list(connection.execute(query.order_by(runs.c.seq.desc()).limit(count)).scalars())


def ordered(connection: Connection, workspace_id: str, chosen: RunFilter, order: Order, count: int) -> list[int]:
    """The numbers of the first runs of a page, in an order; those without its value come last, newest first.

    One search after the other, each along an index, until the page is full: a single one would have to sort all runs.
    """
    tests, rest = _split(chosen.condition, order.field)
    found: list[int] = []
    skipped = chosen.before or 0
    for way in _ways(order.field):
        if way.rows is None:
            if tests:  # what has no value passes no test of it
                break
            keys: list[ColumnElement[Any]] = [way.seq.desc()]
            passed = []
        else:
            keys = [key.desc() if order.descending else key.asc() for key in (*way.keys, way.seq)]
            passed = [_value_test(test, way.rows) for test in tests]
        query = select(way.seq).select_from(way.source).where(way.chosen, *passed)
        query = query.where(*_restrictions(connection, workspace_id, chosen, way.seq, rest))
        page = query.order_by(*keys).limit(count - len(found)).offset(skipped)
        here = list(connection.execute(page).scalars())
        found += here
        if len(found) == count:
            break
        if skipped:
            all_here = skipped + len(here) if here else _count(connection, query)
            skipped = max(0, skipped - all_here)
    return found


def family(workspace_id: str, run_id: str) -> Select[Any]:
    """The numbers of a run's children, of theirs, and so on."""
    found = (
        select(runs.c.seq, runs.c.id)
        .where(runs.c.workspace_id == workspace_id, runs.c.parent_id == run_id)
        .cte("family", recursive=True)
    )
    found = found.union(  # not `union all`: what is its own ancestor would never end
        select(runs.c.seq, runs.c.id)
        .join(found, runs.c.parent_id == found.c.id)
        .where(runs.c.workspace_id == workspace_id)
    )
    return select(found.c.seq)


def _restrictions(
    connection: Connection,
    workspace_id: str,
    chosen: RunFilter,
    seq: ColumnElement[int],
    condition: Condition | None,
) -> list[Test]:
    tests: list[Test] = [
        runs.c.workspace_id == workspace_id,
        runs.c.trashed.is_not(None) if chosen.trashed else runs.c.trashed.is_(None),
    ]
    for column, wanted in (
        (runs.c.experiment, chosen.experiment),
        (runs.c.status, chosen.status),
        (runs.c.type, chosen.type),
    ):
        if wanted is not None:
            tests.append(column == labels.searchable(wanted))
    if chosen.parent_id is not None:
        parent = labels.searchable(chosen.parent_id)
        tests.append(seq.in_(family(workspace_id, parent)) if chosen.recursive else runs.c.parent_id == parent)
    elif not chosen.recursive:
        tests.append(runs.c.parent_id.is_(None))
    for kind, asked in ((labels.TAGS, chosen.tags), (labels.PROPERTIES, chosen.properties)):
        for name, value in asked.items():
            test = labels.named(kind, name)
            passed = test if value is None else test & labels.value_in([value])
            tests.append(seq.in_(select(run_labels.c.run).where(passed)))
    return tests + [_part(connection, part, seq) for part in _parts(condition)]


def _part(connection: Connection, condition: Condition, seq: ColumnElement[int]) -> Test:
    """A test that every run must pass."""
    if isinstance(condition, Comparison) and condition.operator in _RANGES:
        table = _rows_of(condition.field)
        if table is not None:
            found = _passing(condition, table)
            some = select(func.count()).select_from(found.limit(_LONG_LIST + 1).subquery())
            if connection.execute(some).scalar_one() > _LONG_LIST:
                return found.where(table.c.run == seq).correlate(seq.table).exists()
    return _test(condition, seq)


def _test(condition: Condition, seq: ColumnElement[int]) -> Test:
    if isinstance(condition, Not):
        return not_(_test(condition.condition, seq))
    if isinstance(condition, All):
        return and_(true(), *(_test(part, seq) for part in condition.conditions))
    if isinstance(condition, AnyOf):
        return or_(false(), *(_test(part, seq) for part in condition.conditions))
    field = condition.field
    table = _rows_of(field)
    if table is not None:
        if condition.operator == "null":
            return seq.not_in(_having(field, table))
        return seq.in_(_passing(condition, table))
    column = _COLUMNS[field.kind]
    if condition.operator == "null":
        return column.is_(None)
    return and_(column.is_not(None), _value_test(condition, runs))


def _rows_of(field: Field) -> Table | None:
    """The table that has a row for each run with the field; None where it is in the run's own."""
    return metrics if field.kind == "metrics" else run_labels if field.kind in _LABELS else None


def _having(field: Field, rows: FromClause) -> Select[Any]:
    """The runs that have the field."""
    return select(rows.c.run).where(_has(field, rows))


def _has(field: Field, rows: FromClause) -> Test:
    if field.kind == "metrics":
        return and_(rows.c.name == field.name, rows.c.last.is_not(None))
    name = field.name.lstrip("-") if field.kind == "params" else field.name
    return labels.named(_LABELS[field.kind], name, rows)


def _passing(test: Comparison, rows: FromClause) -> Select[Any]:
    return _having(test.field, rows).where(_value_test(test, rows))


def _value_test(test: Comparison, rows: FromClause) -> Test:
    """The test of a value that is there: in the row of a metric, of a label, or of the run itself."""
    field = test.field
    if field.kind == "metrics":
        return _compared(rows.c.last, test.operator, [_double(value) for value in test.values])
    if field.kind in _LABELS:
        return _label_test(test, rows)
    if field.kind == "duration":
        duration = type_coerce(_COLUMNS[field.kind], Double)
        return _compared(duration, test.operator, [_double(value, _MICROSECONDS) for value in test.values])
    values: list[Any]
    if field.kind in TIME_FIELDS:
        values = [_moment(value) for value in test.values]
    else:
        values = [labels.searchable(str(value)) for value in test.values]
    return _compared(_COLUMNS[field.kind], test.operator, values)


def _label_test(test: Comparison, rows: FromClause) -> Test:
    texts = [value for value in test.values if isinstance(value, str)]
    numbers = [_double(value) for value in test.values if not isinstance(value, str)]
    if test.operator in ("=", "in"):
        tests: list[Test] = [labels.value_in(texts, rows)] if texts else []
        if numbers:
            tests.append(_compared(rows.c.number, "in", numbers))
        return or_(false(), *tests)
    if test.operator == "!=":
        other = not_(labels.value_in(texts, rows)) if texts else rows.c.number != numbers[0]
        no_number = rows.c.number.is_(None) if numbers else false()
        return and_(rows.c.value.is_not(None), or_(no_number, other))
    if numbers:
        return _compared(rows.c.number, test.operator, numbers)
    return _compared(labels.whole_value(rows), test.operator, [labels.searchable(text) for text in texts])


def _compared(column: ColumnElement[Any], operator: str, values: Sequence[Any]) -> Test:
    if operator == "in":
        return column.in_(values) if values else false()
    (value,) = values
    if operator == "like":
        return column.ilike(value, escape="\\")
    compared: Test = {
        "=": column.__eq__,
        "!=": column.__ne__,
        "<": column.__lt__,
        "<=": column.__le__,
        ">": column.__gt__,
        ">=": column.__ge__,
    }[operator](value)
    return compared


class _Way(NamedTuple):
    """A search along one index, or for what is in none."""

    source: FromClause
    rows: FromClause | None
    """What of the source holds the values; None when the search is for runs without one."""
    seq: ColumnElement[int]
    chosen: Test
    keys: list[ColumnElement[Any]]


def _ways(field: Field) -> list[_Way]:
    table = _rows_of(field)
    if table is None:
        column = _COLUMNS[field.kind]
        return [
            _Way(runs, runs, runs.c.seq, column.is_not(None), [column]),
            _Way(runs, None, runs.c.seq, column.is_(None), []),
        ]
    rows = table.alias("sorting")
    source = rows.join(runs, runs.c.seq == rows.c.run)
    has = _has(field, rows)
    if field.kind == "metrics":
        values = [_Way(source, rows, rows.c.run, has, [rows.c.last])]
        having = _having(field, table)
    else:  # numbers as numbers, then texts
        texts = and_(has, rows.c.number.is_(None), rows.c.value.is_not(None))
        values = [
            _Way(source, rows, rows.c.run, and_(has, rows.c.number.is_not(None)), [rows.c.number]),
            _Way(source, rows, rows.c.run, texts, [rows.c.value]),
        ]
        having = _having(field, table).where(table.c.value.is_not(None))
    return [*values, _Way(runs, None, runs.c.seq, runs.c.seq.not_in(having), [])]


def _count(connection: Connection, query: Select[Any]) -> int:
    return connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def _split(condition: Condition | None, field: Field) -> tuple[list[Comparison], Condition | None]:
    """The tests of a field that every found run must pass, and what else must hold."""
    parts = _parts(condition)
    tests = [part for part in parts if isinstance(part, Comparison) and part.field == field and part.operator != "null"]
    rest = [part for part in parts if part not in tests]
    return tests, All(rest) if rest else None


def _parts(condition: Condition | None) -> list[Condition]:
    """What must hold, all of it."""
    if condition is None:
        return []
    return condition.conditions if isinstance(condition, All) else [condition]


def _double(value: Value, unit: float = 1.0) -> ColumnElement[float]:
    return literal(float(value) * unit, Double)


def _moment(value: Value) -> datetime:
    return moment_of(str(value))
