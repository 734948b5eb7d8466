from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect

from amlet.base.errors import StorageFailed, VersionMismatch
from amlet.domain.workspace import Workspace
from amlet.store import Database
from amlet.store.migrations import Step, known_steps, migrate, schema_of
from amlet.store.sqlite import SQLite
from amlet.store.tables import metadata

NOW = datetime(2026, 11, 23, 10, 0, 0, 5, tzinfo=timezone.utc)


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def add_column(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE workspaces ADD COLUMN color TEXT")


def break_off(connection: Connection) -> None:
    add_column(connection)
    raise KeyboardInterrupt


def bring(path: Path, steps: list[Step], back_up: Callable[[int], object] = lambda _: None) -> int:
    backend = SQLite(path)
    with backend.connect() as connection:
        migrate(connection, steps, where=backend.where, begin=backend.begin_write, back_up=back_up)
        return schema_of(connection)


def shape(connection: Connection) -> dict[str, Any]:
    """What a schema is made of, whatever the statements were that made it."""
    found = inspect(connection)
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "indexes": sorted((i["name"], *i["column_names"]) for i in found.get_indexes(table)),
            "unique": sorted(tuple(u["column_names"]) for u in found.get_unique_constraints(table)),
            "references": sorted(
                (*k["constrained_columns"], k["referred_table"], *k["referred_columns"], str(k["options"]))
                for k in found.get_foreign_keys(table)
            ),
        }
        for table in sorted(found.get_table_names())
        if table != "schema_version"
    }


def test_an_empty_folder_gets_the_newest_schema_and_no_backup(tmp_path: Path) -> None:
    database = Database(tmp_path / "new folder" / "records.db")
    database.close()
    assert database.schema == known_steps()[-1].version
    assert not (tmp_path / "new folder" / "backups").exists()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "home" / "records.db")
    database.write(lambda tx: tx.files.new_log()).result(30)
    files = sorted((tmp_path / "home").iterdir())
    modes = {file.name: file.stat().st_mode & 0o777 for file in files}
    database.close()
    assert modes == {"records.db": 0o600, "records.db-shm": 0o600, "records.db-wal": 0o600}


def test_opening_a_database_again_changes_nothing_and_makes_no_backup(tmp_path: Path) -> None:
    workspace = Workspace("w", "s", "g", "demo", "l", {}, NOW)
    first = Database(tmp_path / "records.db")
    first.write(lambda tx: tx.workspaces.add(workspace)).result()
    first.close()
    again = Database(f"sqlite:///{tmp_path / 'records.db'}")
    assert again.read(lambda tx: tx.workspaces.list()) == [workspace]
    again.close()
    assert [file.name for file in tmp_path.iterdir()] == ["records.db"]


def test_the_migrations_make_the_schema_that_the_tables_say(tmp_path: Path) -> None:
    bring(tmp_path / "migrated.db", known_steps())
    with SQLite(tmp_path / "migrated.db").connect() as migrated, SQLite(tmp_path / "made.db").connect() as made:
        metadata.create_all(made)
        assert shape(migrated) == shape(made)


def test_an_older_schema_is_copied_and_then_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    bring(path, known_steps())
    copied: list[int] = []
    last = known_steps()[-1].version
    assert bring(path, [*known_steps(), Step(last + 1, add_column)], copied.append) == last + 1
    assert copied == [last]
    with SQLite(path).connect() as connection:
        assert "color" in [column["name"] for column in inspect(connection).get_columns("workspaces")]


def test_a_migration_that_breaks_off_leaves_the_old_schema(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    bring(path, known_steps())
    last = known_steps()[-1].version
    with pytest.raises(KeyboardInterrupt):
        bring(path, [*known_steps(), Step(last + 1, break_off)])
    assert bring(path, known_steps()) == last
    assert bring(path, [*known_steps(), Step(last + 1, add_column)]) == last + 1


def test_a_first_migration_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "records.db"

    def half(connection: Connection) -> None:
        known_steps()[0].apply(connection)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(path, [Step(1, half)])
    Database(path).close()


def test_a_newer_schema_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    last = known_steps()[-1].version
    bring(path, [*known_steps(), Step(last + 1, add_column)])
    with pytest.raises(VersionMismatch, match=f"schema {last + 1}.*up to {last}") as caught:
        Database(path)
    assert "newer amlet" in (caught.value.hint or "")
    assert str(path) in caught.value.message


def test_a_database_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    with pytest.raises(StorageFailed, match="not one of amlet's"):
        Database(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_backup_is_whole_while_others_write_and_opens_as_a_database(tmp_path: Path) -> None:
    database = Database(tmp_path / "it's records.db", clock=FixedClock())
    futures = [
        database.write(
            lambda tx, n=number: tx.workspaces.add(Workspace(f"{n}", "s", "g", f"n{n}", "l", {}, NOW)),
        )
        for number in range(300)
    ]
    futures[100].result(30)
    copy = database.back_up()
    assert copy == tmp_path / "backups" / f"records-{database.schema}-20261123T100000000005Z.db"
    assert [file.name for file in copy.parent.iterdir()] == [copy.name]
    database.close()
    restored = Database(copy)
    found = restored.read(lambda tx: tx.workspaces.list())
    restored.close()
    numbers = sorted(int(workspace.id) for workspace in found)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 100
