"""Migrations: how a database comes from one schema to the next, and the one function that runs them."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, inspect, select

from amlet.base.errors import AmletError, StorageFailed, VersionMismatch

_FILES = ("m0001_start",)
"""The n-th brings schema n-1 to n. One that was released is never changed."""

_schema = Table("schema_version", MetaData(), Column("version", BigInteger, nullable=False))


class Step(NamedTuple):
    """One migration: the schema it leads to, and what it does inside a transaction that is not its own."""

    version: int
    apply: Callable[[Connection], None]


def known_steps() -> list[Step]:
    """All migrations of this version, in order."""
    return [Step(number, _from_file(file)) for number, file in enumerate(_FILES, start=1)]


def schema_of(connection: Connection) -> int:
    """The schema of a database; 0 when it is empty."""
    if not inspect(connection).has_table(_schema.name):
        return 0
    return int(connection.execute(select(_schema.c.version)).scalar_one())


def migrate(
    connection: Connection, steps: Sequence[Step], *, where: str, begin: str, back_up: Callable[[int], object]
) -> int:
    """Bring a database to the schema that the last step leads to.

    Each step and the new version number are one transaction: a process killed in the middle leaves the old schema or
    the new one.

    Args:
        connection: In autocommit, so that the transactions are made here.
        where: What errors call the database.
        begin: The statement that begins a transaction that will write.
        back_up: Called with the old schema before the first change, when there is data to lose.

    Returns:
        The schema that was found.

    Raises:
        VersionMismatch: when the database is newer than the last step.
        StorageFailed: when it holds tables that are not ours.
    """
    found = schema_of(connection)
    newest = steps[-1].version
    if found > newest:
        raise VersionMismatch(
            f"The records in {where} have schema {found}; this version of amlet knows schemas up to {newest}.",
            hint="install the newer amlet that wrote them, or put back the copy in the folder `backups` beside them.",
        )
    if found == 0 and inspect(connection).get_table_names():
        raise StorageFailed(
            f"{where} is a database, but not one of amlet's.",
            hint="move it away, or set AMLET_HOME to another folder.",
        )
    pending = [step for step in steps if step.version > found]
    if pending and found:
        back_up(found)
    for step in pending:
        connection.exec_driver_sql(begin)
        try:
            if step.version == 1:
                _schema.create(connection, checkfirst=False)
                connection.execute(_schema.insert().values(version=0))
            step.apply(connection)
            connection.execute(_schema.update().values(version=step.version))
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            with contextlib.suppress(AmletError):  # the database may have undone it by itself
                connection.exec_driver_sql("ROLLBACK")
            raise
    return found


def _from_file(name: str) -> Callable[[Connection], None]:
    def apply(connection: Connection) -> None:
        # Late: a database that is up to date, as at almost every start, needs none of them.
        importlib.import_module(f"{__name__}.{name}").apply(connection)

    return apply
