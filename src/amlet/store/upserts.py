"""Writing rows that may be there already, in one statement, the same for every database that has ON CONFLICT."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam, select

from amlet.store.tables import counters

Rows = Sequence[Mapping[str, Any]]


def insert_new(connection: Connection, table: Table, rows: Rows, *, renewed: tuple[str, ...] = ()) -> None:
    """Insert the rows that are not there; those that are keep what they have, but for the renewed columns."""
    if rows:
        connection.execute(_statement(connection.dialect.name, table, renewed), list(rows))


def put(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows, or replace all their columns when a row of the same primary key is there."""
    if rows:
        connection.execute(_statement(connection.dialect.name, table, tuple(rows[0])), list(rows))


def next_number(connection: Connection, counter: str) -> int:
    """Count on, from 1. Undone with its transaction, else never the same again."""
    connection.execute(_count_on(connection.dialect.name), {"name": counter})
    return int(connection.execute(_COUNTED, {"name": counter}).scalar_one())


def count_at_least(connection: Connection, counter: str, number: int) -> None:
    """Let the counter go on from this number, if it is not beyond it."""
    if (connection.execute(_COUNTED, {"name": counter}).scalar() or 0) < number:
        put(connection, counters, [{"name": counter, "value": number}])


_COUNTED = select(counters.c.value).where(counters.c.name == bindparam("name"))


@functools.cache
def _statement(dialect: str, table: Table, replaced: tuple[str, ...]) -> Executable:
    made = _insert_of(dialect)(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: made.excluded[name] for name in replaced if name not in keys}
    if changed:
        return made.on_conflict_do_update(index_elements=keys, set_=changed)  # type: ignore[no-any-return]
    return made.on_conflict_do_nothing()  # type: ignore[no-any-return]


@functools.cache
def _count_on(dialect: str) -> Executable:
    made = _insert_of(dialect)(counters).values(name=bindparam("name"), value=1)
    return made.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["name"], set_={"value": counters.c.value + 1}
    )


def _insert_of(dialect: str) -> Any:
    """The dialect's own `insert`: SQLite's and PostgreSQL's share the form of ON CONFLICT."""
    return importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert
