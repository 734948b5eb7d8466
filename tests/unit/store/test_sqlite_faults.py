from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest

from amlet.base.errors import InvalidInput, StorageFailed, Unavailable
from amlet.domain.workspace import Workspace
from amlet.store import Database
from amlet.store.base import Transaction

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)


def workspace(number: int, size: int = 0) -> Workspace:
    return Workspace(f"w{number}", "s", "g", f"n{number}", "l", {"filler": os.urandom(size // 2).hex()}, NOW)


def count(database: Database) -> int:
    return len(database.read(lambda tx: tx.workspaces.list()))


@contextmanager
def no_file_grows_beyond(size_bytes: int) -> Iterator[None]:
    """The kernel refuses writes beyond this size, as a full disk does. (Python ignores the signal.)"""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_database_locked_by_another_process_is_unavailable_and_then_back(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    database = Database(path, busy_wait_s=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="Another process holds") as caught:
            database.write(lambda tx: tx.workspaces.add(workspace(1))).result(30)
        assert str(path) in caught.value.message
        assert count(database) == 0
        other.execute("ROLLBACK")
    database.write(lambda tx: tx.workspaces.add(workspace(1))).result(30)
    assert count(database) == 1
    database.close()


def test_a_database_locked_for_a_while_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    database = Database(path, busy_wait_s=30)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        future = database.write(lambda tx: tx.workspaces.add(workspace(1)))
        assert not future.done()
        other.execute("ROLLBACK")
    future.result(30)
    database.close()


def test_a_full_disk_fails_the_work_by_name_and_the_writer_goes_on_when_there_is_space(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    database = Database(path)
    database.write(lambda tx: tx.workspaces.add(workspace(0))).result(30)
    with no_file_grows_beyond(path.with_name("records.db-wal").stat().st_size + 5000):
        futures = [database.write(lambda tx, n=n: tx.workspaces.add(workspace(n, 100_000))) for n in range(1, 30)]
        errors = [future.exception(30) for future in futures]
        assert all(isinstance(error, StorageFailed) and str(path) in error.message for error in errors)
        assert count(database) == 1
    database.write(lambda tx: tx.workspaces.add(workspace(50, 100_000))).result(30)
    assert count(database) == 2
    database.close()
    again = Database(path)
    assert count(again) == 2
    again.close()


def test_when_a_large_transaction_breaks_the_disk_what_is_told_kept_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    database = Database(path)

    def large(tx: Transaction) -> None:  # beyond the page cache, so that the disk is met in the middle of the work
        for number in range(1000, 1300):
            tx.workspaces.add(workspace(number, 200_000))

    with no_file_grows_beyond(20_000_000):
        futures = [
            database.write(work)
            for work in (
                *(lambda tx, n=n: tx.workspaces.add(workspace(n)) for n in range(5)),
                large,
                *(lambda tx, n=n: tx.workspaces.add(workspace(n)) for n in range(5, 10)),
            )
        ]
        errors = [future.exception(60) for future in futures]
        assert isinstance(errors[5], StorageFailed)
        assert all(error is None or isinstance(error, StorageFailed) for error in errors)
    kept = {
        f"w{n}" for n, future in zip([*range(5), -1, *range(5, 10)], futures, strict=True) if not future.exception()
    }
    database.write(lambda tx: tx.workspaces.add(workspace(99))).result(30)
    found = {item.id for item in database.read(lambda tx: tx.workspaces.list())}
    database.close()
    assert found == kept | {"w99"}


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(b"this is not a database, but a text of some length" * 100)
    with pytest.raises(StorageFailed, match="not a database") as caught:
        Database(path)
    assert str(path) in caught.value.message
    assert "backups" in (caught.value.hint or "")


def test_a_damaged_page_is_told_and_the_rest_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    database = Database(path)
    for number in range(20):
        database.write(lambda tx, n=number: tx.workspaces.add(workspace(n, 20_000))).result(30)
    database.close()
    with path.open("r+b") as file:
        with closing(sqlite3.connect(path)) as connection:
            (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'workspaces'").fetchone()
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    database = Database(path)
    with pytest.raises(StorageFailed, match="malformed"):
        count(database)
    with pytest.raises(StorageFailed, match="malformed"):
        database.write(lambda tx: tx.workspaces.list()).result(30)
    assert database.read(lambda tx: tx.nodes.list()) == []
    assert database.write(lambda tx: tx.files.new_log()).result(30) == 1
    database.close()


def test_a_file_that_is_taken_away_is_told_and_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    database = Database(path)
    path.unlink()
    with pytest.raises(StorageFailed, match="is gone"):
        count(database)
    assert not path.exists()
    database.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageFailed, match="file"):
        Database(tmp_path / "file" / "records.db")


def test_a_server_that_is_not_sqlite_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidInput) as caught:
        Database("mysql://me:secret@host/db")
    assert "secret" not in str(caught.value)
