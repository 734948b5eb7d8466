"""What PostgreSQL would be sent: that it can be said in its words at all, before a server is at hand to try it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

import amlet.store
from amlet.store.database import Database
from amlet.store.queue import _FIRST, _PLACES
from amlet.store.tables import counters, leases, metadata, metrics, runs
from amlet.store.upserts import _count_on, _statement

SOURCES = sorted(Path(amlet.store.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("dialect", [postgresql.dialect(), sqlite.dialect()], ids=lambda dialect: dialect.name)
def test_every_table_can_be_made(dialect: postgresql.dialect) -> None:
    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect))


def test_postgresql_numbers_rows_by_itself_and_keeps_64_bits() -> None:
    text = str(CreateTable(runs).compile(dialect=postgresql.dialect()))
    assert "seq BIGSERIAL" in text
    text = str(CreateTable(metrics).compile(dialect=postgresql.dialect()))
    assert "name BYTEA" in text
    assert "DOUBLE PRECISION" in text


def test_upserts_are_said_the_same_way_by_both() -> None:
    said = []
    for dialect in (postgresql.dialect(), sqlite.dialect()):
        columns = tuple(column.name for column in leases.columns)
        statements = [
            _statement(dialect.name, leases, columns),
            _statement(dialect.name, leases, ()),
            _statement(dialect.name, counters, ("name", "value")),
            _count_on(dialect.name),
        ]
        texts = [str(statement.compile(dialect=dialect, column_keys=None)) for statement in statements]
        said.append([re.sub(r"%\(\w+\)s(::\w+)?|\?", "?", text) for text in texts])
    assert said[0] == said[1]
    assert "ON CONFLICT (workspace_id, run_id, node_rank) DO UPDATE SET" in said[0][0]


def test_the_queue_is_asked_in_words_of_both() -> None:
    for dialect in (postgresql.dialect(), sqlite.dialect()):
        first = str(_FIRST.compile(dialect=dialect))
        assert first.startswith("WITH RECURSIVE heads(run) AS")
        assert "LATERAL" not in first  # SQLite has none
        assert "row_number() OVER (PARTITION BY queue.lane" in str(_PLACES.compile(dialect=dialect))


def test_the_next_run_is_found_along_the_index_and_never_by_sorting_the_queue(tmp_path: Path) -> None:
    database = Database(tmp_path / "records.db")
    try:
        text = str(_FIRST.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": False}))
        with sqlite3.connect(tmp_path / "records.db") as connection:
            count = text.count("?")
            plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + text, ["1"] * count)]
    finally:
        database.close()
        connection.close()
    scans = [step for step in plan if step.startswith("SCAN") and not step.startswith("SCAN heads")]
    assert all("going" in step or "CONSTANT" in step for step in scans), plan
    assert any("COVERING INDEX queue_order (pool=? AND priority=? AND lane>?)" in step for step in plan), plan


def test_what_only_sqlite_knows_stands_in_one_file() -> None:
    word = re.compile(r"pragma|vacuum|sqlite3|immediate|autoincrement\b(?!=)|sqlite_", re.IGNORECASE)
    guilty = [source.name for source in SOURCES if word.search(source.read_text(encoding="utf-8"))]
    assert guilty == ["sqlite.py"]


def test_the_ports_are_imported_without_sqlalchemy() -> None:
    for name in ("base.py", "__init__.py"):
        text = (Path(amlet.store.__file__).parent / name).read_text(encoding="utf-8")
        assert "import sqlalchemy" not in text
        assert "from sqlalchemy" not in text
