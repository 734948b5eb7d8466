"""The contract of databases, on a real PostgreSQL and a real MariaDB, which speaks MySQL's protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from amlet.base.errors import DatastoreFailed, InvalidInput
from amlet.datastores.sql import SqlDatabase
from amlet.domain.data import MYSQL, POSTGRESQL
from support.azurite import free_port
from support.mariadb import PASSWORD, mariadb
from support.postgres import postgres

FILL = """
CREATE TABLE sales (id int, amount numeric, share double precision, sold timestamp, day date, ok boolean,
                    name text, raw bytea);
INSERT INTO sales SELECT n, n * 1.10, n / 4.0, '2020-01-01'::timestamp + n * interval '1 hour', '2020-01-01',
                         n % 2 = 0, 'nämé ' || n, '\\x00ff' FROM generate_series(1, 12000) n;
INSERT INTO sales (id) VALUES (NULL);
"""

FILL_MYSQL = (
    "CREATE TABLE sales (id int, amount decimal(10, 2), share double, sold datetime, day date, ok bit(1), "
    "name varchar(60), raw varbinary(9));\n"
    "INSERT INTO sales SELECT seq, seq * 1.10, seq / 4.0, TIMESTAMPADD(HOUR, seq, '2020-01-01'), '2020-01-01', "
    "IF(seq % 2 = 0, b'1', b'0'), CONCAT('nämé ', seq), x'00ff' FROM seq_1_to_12000;\n"
    "INSERT INTO sales (id) VALUES (NULL);\n"
)


class Held(NamedTuple):
    """A database that runs."""

    kind: str
    settings: dict[str, str]
    credentials: dict[str, str]
    sleep: str
    """A query that takes twenty seconds."""


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def held(request: pytest.FixtureRequest) -> Iterator[Held]:
    if request.param == "mariadb":
        with mariadb(FILL_MYSQL) as found:
            yield Held(MYSQL, found, {"user_password": PASSWORD}, "SELECT sleep(20)")
    else:
        with postgres(FILL) as found:
            yield Held(POSTGRESQL, found, {}, "SELECT pg_sleep(20)")


def ask(held: Held, query: str, *, timeout_s: float = 30.0, limit: int | None = None) -> list[list[object]]:
    database = SqlDatabase(held.kind, held.settings, held.credentials)
    return list(database.query(query, timeout_s=timeout_s, limit=limit))


def test_columns_come_first_and_values_as_they_are_said_to(held: Held) -> None:
    columns, row = ask(held, "SELECT * FROM sales WHERE id = 2")
    assert columns == [
        ["id", "int"],
        ["amount", "decimal"],
        ["share", "float"],
        ["sold", "datetime"],
        ["day", "date"],
        ["ok", "bytes" if held.kind == MYSQL else "bool"],  # MySQL has no type for true and false
        ["name", "text"],
        ["raw", "bytes"],
    ]
    ok = "AQ==" if held.kind == MYSQL else True
    assert row == [2, "2.20", 0.5, "2020-01-01T02:00:00", "2020-01-01", ok, "nämé 2", "AP8="]


def test_all_rows_come_or_as_many_as_asked(held: Held) -> None:
    assert len(ask(held, "SELECT * FROM sales")) == 1 + 12_001
    assert len(ask(held, "SELECT * FROM sales", limit=10)) == 11
    assert ask(held, "SELECT * FROM sales WHERE id IS NULL")[1] == [None] * 8
    assert ask(held, "SELECT id FROM sales WHERE false") == [[["id", "text"]]]


def test_a_query_may_hold_colons(held: Held) -> None:
    joined = "'10:30'::text || ':x'" if held.kind == POSTGRESQL else "concat('10:30', ':x')"
    assert ask(held, f"SELECT {joined} AS at, '100%' AS p")[1] == ["10:30:x", "100%"]


def test_nothing_is_changed(held: Held) -> None:
    for query in ("DELETE FROM sales", "DROP TABLE sales", "SELECT 1; DROP TABLE sales"):
        with pytest.raises(InvalidInput):
            ask(held, query)
    assert ask(held, "SELECT count(*) FROM sales")[1] == [12_001]


def test_a_few_rows_of_many_are_not_waited_for(held: Held) -> None:
    began = time.monotonic()
    assert len(ask(held, "SELECT a.id FROM sales a CROSS JOIN sales b", limit=10)) == 11
    assert time.monotonic() - began < 10


def test_a_wrong_query_is_told_with_the_databases_words(held: Held) -> None:
    with pytest.raises(InvalidInput, match=r"nope.* (does not|doesn't) exist"):
        ask(held, "SELECT * FROM nope")


def test_a_query_that_takes_too_long_is_ended(held: Held) -> None:
    with pytest.raises(InvalidInput, match="took too long"):
        ask(held, held.sleep, timeout_s=0.2)


def test_a_database_that_is_not_there_is_told_without_its_password(held: Held) -> None:
    database = SqlDatabase(
        held.kind,
        {**held.settings, "server_name": "127.0.0.1", "port_number": str(free_port())},
        {"user_password": "hunter2-secret"},
    )
    with pytest.raises(DatastoreFailed, match="cannot be reached") as told:
        database.check()
    assert "hunter2" not in str(told.value)
    with pytest.raises((DatastoreFailed, InvalidInput), match="nope"):
        ask(held._replace(settings={**held.settings, "database_name": "nope"}), "SELECT 1")
