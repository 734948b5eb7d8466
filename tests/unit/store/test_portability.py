"""What PostgreSQL would be sent: that it can be said in its words at all, before a server is at hand to try it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

import amlet.store
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
    assert "ON CONFLICT (workspace_id, run_id) DO UPDATE SET" in said[0][0]


def test_what_only_sqlite_knows_stands_in_one_file() -> None:
    word = re.compile(r"pragma|vacuum|sqlite3|immediate|autoincrement\b(?!=)|sqlite_", re.IGNORECASE)
    guilty = [source.name for source in SOURCES if word.search(source.read_text(encoding="utf-8"))]
    assert guilty == ["sqlite.py"]


def test_the_ports_are_imported_without_sqlalchemy() -> None:
    for name in ("base.py", "__init__.py"):
        text = (Path(amlet.store.__file__).parent / name).read_text(encoding="utf-8")
        assert "import sqlalchemy" not in text
        assert "from sqlalchemy" not in text
