"""The contract of databases, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amlet.base.errors import DatastoreFailed, InvalidInput
from amlet.datastores.sql import SqlDatabase
from amlet.domain.data import POSTGRESQL
from support.azurite import free_port
from support.postgres import postgres

FILL = """
CREATE TABLE sales (id int, amount numeric, share double precision, sold timestamp, day date, ok boolean,
                    name text, raw bytea);
INSERT INTO sales SELECT n, n * 1.10, n / 4.0, '2020-01-01'::timestamp + n * interval '1 hour', '2020-01-01',
                         n % 2 = 0, 'nämé ' || n, '\\x00ff' FROM generate_series(1, 12000) n;
INSERT INTO sales (id) VALUES (NULL);
"""


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    with postgres(FILL) as found:
        yield found


def ask(
    settings: dict[str, str], query: str, *, timeout_s: float = 30.0, limit: int | None = None
) -> list[list[object]]:
    return list(SqlDatabase(POSTGRESQL, settings, {}).query(query, timeout_s=timeout_s, limit=limit))


def test_columns_come_first_and_values_as_they_are_said_to(settings: dict[str, str]) -> None:
    columns, row = ask(settings, "SELECT * FROM sales WHERE id = 2")
    assert columns == [
        ["id", "int"],
        ["amount", "decimal"],
        ["share", "float"],
        ["sold", "datetime"],
        ["day", "date"],
        ["ok", "bool"],
        ["name", "text"],
        ["raw", "bytes"],
    ]
    assert row == [2, "2.20", 0.5, "2020-01-01T02:00:00", "2020-01-01", True, "nämé 2", "AP8="]


def test_all_rows_come_or_as_many_as_asked(settings: dict[str, str]) -> None:
    assert len(ask(settings, "SELECT * FROM sales")) == 1 + 12_001
    assert len(ask(settings, "SELECT * FROM sales", limit=10)) == 11
    assert ask(settings, "SELECT * FROM sales WHERE id IS NULL")[1] == [None] * 8
    assert ask(settings, "SELECT id FROM sales WHERE false") == [[["id", "text"]]]


def test_a_query_may_hold_colons(settings: dict[str, str]) -> None:
    assert ask(settings, "SELECT '10:30'::text || ':x' AS at")[1] == ["10:30:x"]


def test_nothing_is_changed(settings: dict[str, str]) -> None:
    for query in ("DELETE FROM sales", "DROP TABLE sales", "SELECT 1; DROP TABLE sales"):
        with pytest.raises(InvalidInput):
            ask(settings, query)
    assert ask(settings, "SELECT count(*) FROM sales")[1] == [12_001]


def test_a_wrong_query_is_told_with_the_databases_words(settings: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match='relation "nope" does not exist'):
        ask(settings, "SELECT * FROM nope")


def test_a_query_that_takes_too_long_is_ended(settings: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="took too long"):
        ask(settings, "SELECT pg_sleep(20)", timeout_s=0.2)


def test_a_database_that_is_not_there_is_told_without_its_password(settings: dict[str, str]) -> None:
    database = SqlDatabase(
        POSTGRESQL,
        {**settings, "server_name": "127.0.0.1", "port_number": str(free_port())},
        {"user_password": "hunter2-secret"},
    )
    with pytest.raises(DatastoreFailed, match="cannot be reached") as told:
        database.check()
    assert "hunter2" not in str(told.value)
    with pytest.raises((DatastoreFailed, InvalidInput), match="nope"):
        ask({**settings, "database_name": "nope"}, "SELECT 1")
