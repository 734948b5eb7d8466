"""A database as a datastore, through SQLAlchemy: Azure SQL, PostgreSQL, MySQL."""

from __future__ import annotations

import base64
import math
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from amlet.base.errors import AmletError, DatastoreFailed, InvalidInput
from amlet.datastores.base import library
from amlet.domain.data import AZURE_SQL, MYSQL, POSTGRESQL

ROWS_AT_ONCE = 5_000
CONNECT_S = 15
INT64 = 1 << 63
TYPES_FROM_ROWS = 200
TYPES_AT_MOST = 20_000
"""How many rows are looked at for the type of a column: more of them where it begins with nulls."""

PROGRAMS = {
    POSTGRESQL: ("postgresql+psycopg", "psycopg", 5432, "postgres.database.azure.com"),
    MYSQL: ("mysql+pymysql", "pymysql", 3306, "mysql.database.azure.com"),
    AZURE_SQL: ("mssql+pymssql", "pymssql", 1433, "database.windows.net"),
}
"""Of each kind: the dialect, its package, its port, and where Azure has it."""

_TOO_LONG = {MYSQL: (1969, 3024), AZURE_SQL: (20003,)}
"""Errors of MariaDB, of MySQL and of SQL Server's driver for a query that was ended."""

_DRIVERS_OWN = re.compile(r"\(?DB-Lib error message \d+, severity \d+:?")
"""What SQL Server's driver puts before, or after, the server's own words."""

_MYSQL_AWAY = (1040, 1053, 1129, 1130, 1203)
"""Errors of MySQL's server that are of the connection, not of the query."""

_TYPES: Sequence[tuple[type, str]] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (datetime, "datetime"),
    (date, "date"),
    (time, "time"),
    (Decimal, "decimal"),
    (bytes, "bytes"),
    (memoryview, "bytes"),
)


class SqlDatabase:
    """One database. Queries run in transactions that are always rolled back."""

    def __init__(self, kind: str, settings: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self._kind = kind
        self._settings = settings
        self._credentials = credentials
        self._where = f"Database {settings['database_name']} on {settings['server_name']}"

    def check(self) -> None:
        for _ in self.query("SELECT 1", timeout_s=CONNECT_S):
            pass

    def query(self, text_: str, *, timeout_s: float, limit: int | None = None) -> Iterator[list[Any]]:
        try:
            with self._engine(timeout_s).connect() as connection:
                self._prepare(connection, timeout_s, limit)
                asked = text(text_.replace(":", "\\:"))
                with connection.execute(asked, execution_options={"stream_results": True}) as result:
                    if not result.returns_rows:
                        raise InvalidInput("The query gives no rows.", hint="a query for data is a SELECT.")
                    yield from _lines(result, limit)
                connection.rollback()
        except SQLAlchemyError as error:
            raise self._told(error) from error

    def _engine(self, timeout_s: float) -> Engine:
        library(PROGRAMS[self._kind][1], "sql")
        # No pool: a database that went away and came back is found again.
        return create_engine(
            url_of(self._kind, self._settings, self._credentials),
            connect_args=options_of(self._kind, self._settings, timeout_s),
            poolclass=NullPool,
            hide_parameters=True,
        )

    def _prepare(self, connection: Connection, timeout_s: float, limit: int | None) -> None:
        """Have the session read alone, for so long, and no more rows than that."""
        milliseconds = int(timeout_s * 1000)
        if self._kind == POSTGRESQL:
            connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
            connection.execute(text("SET TRANSACTION READ ONLY"))
        elif self._kind == MYSQL:
            is_mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
            longest = f"max_statement_time = {timeout_s:.3f}" if is_mariadb else f"max_execution_time = {milliseconds}"
            # Of the session: what ends a transaction by itself, such as DROP TABLE, is refused too.
            connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
            connection.execute(text(f"SET SESSION {longest}"))
            if limit is not None:
                # An answer is read to its end before its connection is let go.
                connection.execute(text(f"SET SESSION sql_select_limit = {limit}"))

    def _told(self, error: SQLAlchemyError) -> AmletError:
        code, said = _parts_of(error.orig if isinstance(error, DBAPIError) else error)
        for secret in self._credentials.values():
            said = said.replace(secret, "***")
        refused = "authentication failed" in said or "Access denied" in said or "Login failed" in said
        if refused:
            return InvalidInput(
                f"{self._where} does not let us in: {said}", hint="register it again with a good user and password."
            )
        if ("timeout" in said and "statement" in said) or code in _TOO_LONG.get(self._kind, ()):
            return InvalidInput(f"{self._where}: the query took too long.", hint="give a larger query_timeout.")
        is_mysqls = self._kind == MYSQL and 1000 <= code < 2000 and code not in _MYSQL_AWAY
        if isinstance(error, (OperationalError, InterfaceError)) and not is_mysqls:
            return DatastoreFailed(f"{self._where} cannot be reached: {said}")
        return InvalidInput(f"{self._where} refuses the query: {said}")


def url_of(kind: str, settings: Mapping[str, str], credentials: Mapping[str, str]) -> URL:
    """Where a database is, and who signs in."""
    dialect, _, port, _ = PROGRAMS[kind]
    host = _host_of(kind, settings)
    is_socket = host.startswith("/")
    return URL.create(
        dialect,
        username=settings.get("user_id") or settings.get("username"),
        password=credentials.get("user_password") or credentials.get("password"),
        host=None if is_socket else host,
        port=int(settings.get("port_number") or port),
        database=settings["database_name"],
        query={"host": host} if is_socket else {},
    )


def options_of(kind: str, settings: Mapping[str, str], timeout_s: float) -> dict[str, Any]:
    """What each kind's driver is told beside that. With Azure's own servers all is encrypted."""
    if kind == POSTGRESQL:
        mode = "require" if settings.get("enforce_ssl", "true") == "true" else "prefer"
        return {"connect_timeout": CONNECT_S, "sslmode": mode}
    if kind == MYSQL:
        is_azures = _host_of(kind, settings).endswith("." + PROGRAMS[kind][3])
        return {"connect_timeout": CONNECT_S, **({"ssl": ssl.create_default_context()} if is_azures else {})}
    return {"login_timeout": CONNECT_S, "timeout": math.ceil(timeout_s)}  # the driver itself encrypts as it is asked to


def _host_of(kind: str, settings: Mapping[str, str]) -> str:
    host = settings["server_name"]
    if "." in host or host == "localhost" or host.startswith("/"):
        return host
    return f"{host}.{settings.get('endpoint') or PROGRAMS[kind][3]}"  # v1's server names are those within Azure


def _parts_of(error: BaseException | None) -> tuple[int, str]:
    """The number of a database's error, 0 where it has none, and the first line of its words."""
    told: Any = getattr(error, "args", ())
    if len(told) == 1 and isinstance(told[0], tuple):
        told = told[0]
    number, words = told if len(told) == 2 and isinstance(told[0], int) else (0, str(error))
    words = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    lines = [line.strip() for line in _DRIVERS_OWN.sub("\n", words).split("\n") if line.strip()]
    return number, lines[0] if lines else type(error).__name__


def _lines(result: Any, limit: int | None) -> Iterator[list[Any]]:
    first = result.fetchmany(TYPES_FROM_ROWS if limit is None else min(limit, TYPES_FROM_ROWS))
    while len(first) < (TYPES_AT_MOST if limit is None else min(limit, TYPES_AT_MOST)) and not _all_known(first):
        more = result.fetchmany(len(first))
        if not more:
            break
        first += more
    types = [_type_of([row[number] for row in first]) for number in range(len(result.keys()))]
    yield [[str(name), kind] for name, kind in zip(result.keys(), types, strict=True)]
    sent = 0
    rows = first
    while rows:
        for row in rows:
            yield [_value(value) for value in row]
        sent += len(rows)
        left = ROWS_AT_ONCE if limit is None else min(ROWS_AT_ONCE, limit - sent)
        rows = result.fetchmany(left) if left > 0 else []


def _all_known(rows: list[Any]) -> bool:
    return all(any(row[number] is not None for row in rows) for number in range(len(rows[0]) if rows else 0))


def _type_of(values: list[Any]) -> str:
    found = {_type(value) for value in values if value is not None}
    for wider in ("float", "decimal"):
        if found == {"int", wider}:
            return wider
    return found.pop() if len(found) == 1 else "text"


def _type(value: Any) -> str:
    if isinstance(value, int) and not -INT64 <= value < INT64:
        return "decimal"  # MySQL's BIGINT UNSIGNED
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "text")


def _value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else repr(value)
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value)
