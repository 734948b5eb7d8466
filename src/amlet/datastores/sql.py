"""A database as a datastore, through SQLAlchemy: Azure SQL, PostgreSQL, MySQL."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from amlet.base.errors import AmletError, DatastoreFailed, InvalidInput
from amlet.datastores.base import library
from amlet.domain.data import AZURE_SQL, MYSQL, POSTGRESQL

ROWS_AT_ONCE = 5_000
CONNECT_S = 15
TYPES_FROM_ROWS = 200
TYPES_AT_MOST = 20_000
"""How many rows are looked at for the type of a column: more of them where it begins with nulls."""

PROGRAMS = {
    POSTGRESQL: ("postgresql+psycopg", "psycopg", 5432, "postgres.database.azure.com"),
    MYSQL: ("mysql+pymysql", "pymysql", 3306, "mysql.database.azure.com"),
    AZURE_SQL: ("mssql+pymssql", "pymssql", 1433, "database.windows.net"),
}
"""Of each kind: the dialect, its package, its port, and where Azure has it."""

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
        self._lock = threading.Lock()
        self._made: Engine | None = None

    def check(self) -> None:
        for _ in self.query("SELECT 1", timeout_s=CONNECT_S):
            pass

    def query(self, text_: str, *, timeout_s: float, limit: int | None = None) -> Iterator[list[Any]]:
        try:
            with self._engine.connect() as connection:
                self._limit_time(connection, timeout_s)
                asked = text(text_.replace(":", "\\:"))
                with connection.execute(asked, execution_options={"stream_results": True}) as result:
                    if not result.returns_rows:
                        raise InvalidInput("The query gives no rows.", hint="a query for data is a SELECT.")
                    yield from _lines(result, limit)
                connection.rollback()
        except SQLAlchemyError as error:
            raise self._told(error) from error

    @property
    def _engine(self) -> Engine:
        with self._lock:
            if self._made is None:
                dialect, package, port, domain = PROGRAMS[self._kind]
                library(package, "sql")
                settings = self._settings
                host = settings["server_name"]
                endpoint = settings.get("endpoint") or domain
                if "." not in host and host != "localhost" and not host.startswith("/"):
                    host = f"{host}.{endpoint}"  # v1's server names are those within Azure
                url = URL.create(
                    dialect,
                    username=settings.get("user_id") or settings.get("username"),
                    password=self._credentials.get("user_password") or self._credentials.get("password"),
                    host=None if host.startswith("/") else host,
                    port=int(settings.get("port_number") or port),
                    database=settings["database_name"],
                    query={"host": host} if host.startswith("/") else {},
                )
                options: dict[str, Any] = {"connect_timeout": CONNECT_S}
                if self._kind == POSTGRESQL:
                    options["sslmode"] = "require" if settings.get("enforce_ssl", "true") == "true" else "prefer"
                elif self._kind == AZURE_SQL:
                    options = {"login_timeout": CONNECT_S}
                # No pool: a database that went away and came back is found again.
                self._made = create_engine(url, connect_args=options, poolclass=NullPool, hide_parameters=True)
            return self._made

    def _limit_time(self, connection: Any, timeout_s: float) -> None:
        milliseconds = int(timeout_s * 1000)
        if self._kind == POSTGRESQL:
            connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
            connection.execute(text("SET TRANSACTION READ ONLY"))
        elif self._kind == MYSQL:
            connection.execute(text(f"SET SESSION max_execution_time = {milliseconds}"))

    def _told(self, error: SQLAlchemyError) -> AmletError:
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip().partition("\n")[0]
        for secret in self._credentials.values():
            said = said.replace(secret, "***")
        refused = "authentication failed" in said or "Access denied" in said or "Login failed" in said
        if refused:
            return InvalidInput(
                f"{self._where} does not let us in: {said}", hint="register it again with a good user and password."
            )
        if "timeout" in said and "statement" in said:
            return InvalidInput(f"{self._where}: the query took too long.", hint="give a larger query_timeout.")
        if isinstance(error, (OperationalError, InterfaceError)):
            return DatastoreFailed(f"{self._where} cannot be reached: {said}")
        return InvalidInput(f"{self._where} refuses the query: {said}")


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
    if found == {"int", "float"}:
        return "float"
    return found.pop() if len(found) == 1 else "text"


def _type(value: Any) -> str:
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
