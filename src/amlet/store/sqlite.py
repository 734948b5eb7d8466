"""SQLite: the one file that knows its statements, its settings and its errors."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import NullPool

from amlet.base.errors import AmletError, Conflict, InvalidInput, NotFound, StorageFailed, Unavailable
from amlet.base.paths import owner_only

_FULL = "free some space, then try again: nothing that was acknowledged is lost."
_DAMAGED = "stop the server and put back the latest copy from the folder `backups` beside it."

_STORAGE_HINTS = {
    "database or disk is full": _FULL,
    "disk i/o error": "look at the disk's state and space, then try again: nothing that was acknowledged is lost.",
    "attempt to write a readonly database": "give yourself the right to write there, or set AMLET_HOME elsewhere.",
    "unable to open database file": "give yourself the right to write there, or set AMLET_HOME elsewhere.",
    "database disk image is malformed": _DAMAGED,
    "file is not a database": _DAMAGED,
}
"""By SQLite's own words, which are the same in all its versions; Python tells error codes from 3.11 on only."""


class SQLite:
    """A database in one file, in WAL mode.

    Every commit is synced to the disk (`synchronous=FULL`): what was acknowledged survives the loss of power, which
    WAL's usual NORMAL does not promise. The writer's group commits make that one sync for all that waits.
    """

    begin_write = "BEGIN IMMEDIATE"
    begin_read = "BEGIN"

    def __init__(self, path: Path, *, busy_wait_s: float = 60.0) -> None:
        """Nothing is opened yet.

        Args:
            path: The file; it and its folder are made by the first connection, for the owner only.
            busy_wait_s: How long to wait while another process holds the file.
        """
        self.where = str(path)
        self._path = path
        self._busy_wait_s = busy_wait_s
        self._connected = False
        self._engine: Engine = create_engine(
            "sqlite://", creator=self._open, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        event.listen(self._engine, "handle_error", self._translate)

    def connect(self, *, read_only: bool = False) -> Connection:
        if not self._path.exists():
            if self._connected:  # an empty one in its place would hide the loss
                raise StorageFailed(f"{self.where} is gone.", hint="put it back, then start the server again.")
            self._make()
        connection = self._engine.connect()
        self._connected = True
        if read_only:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("PRAGMA cache_size = -2000")
        return connection

    def back_up(self, folder: Path, name: str) -> Path:
        wanted, unfinished = folder / name, folder / f"{name}.unfinished"
        try:
            owner_only(folder)
            unfinished.unlink(missing_ok=True)
            with contextlib.closing(self.connect()) as connection:
                connection.exec_driver_sql("VACUUM INTO ?", (str(unfinished),))
            unfinished.chmod(0o600)
            _sync(unfinished)
            unfinished.replace(wanted)
            _sync(folder)
        except OSError as error:
            raise StorageFailed.from_os_error(error, wanted) from error
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return wanted

    def close(self) -> None:
        self._engine.dispose()

    def _make(self) -> None:
        """An empty file that only the owner can read; SQLite gives its companions the same rights."""
        try:
            owner_only(self._path.parent)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._path) from error

    def _open(self) -> sqlite3.Connection:
        connection = None
        try:
            connection = sqlite3.connect(
                self._path,
                timeout=self._busy_wait_s,
                isolation_level=None,
                check_same_thread=False,  # a connection is used by one thread at a time, not always the same
                cached_statements=256,
            )
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            for setting in (
                "synchronous = FULL",
                "foreign_keys = ON",
                "cache_size = -16000",
                "journal_size_limit = 67108864",
            ):
                connection.execute(f"PRAGMA {setting}")
            if mode != "wal":
                raise StorageFailed(
                    f"{self.where} lies on a file system without shared memory, which the records need.",
                    hint="set AMLET_HOME to a folder on a local disk.",
                )
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, sqlite3.Error):
                self._raise(error)
            raise
        return connection

    def _translate(self, context: ExceptionContext) -> None:
        """Raise ours in the place of the library's; bugs of ours pass as they are."""
        self._raise(context.original_exception)

    def _raise(self, error: BaseException) -> None:
        if isinstance(error, AmletError):
            raise error
        if isinstance(error, UnicodeEncodeError):
            raise InvalidInput(f"{error.object[:200]!r} cannot be stored: it is not valid Unicode.") from error
        if isinstance(error, OverflowError):
            raise InvalidInput("A whole number beyond 64 bits cannot be stored.") from error
        if isinstance(error, sqlite3.Error):
            self._raise_of_database(error)

    def _raise_of_database(self, error: sqlite3.Error) -> None:
        words = str(error).lower()
        if "foreign key constraint" in words:
            raise NotFound("What the record refers to is not there.") from error
        if "unique constraint" in words:
            raise Conflict(f"There is such a record already ({error}).") from error
        if "is locked" in words:
            raise Unavailable(
                f"Another process holds {self.where}; waited {self._busy_wait_s:g} s for it.",
                hint="end whatever else has that file open, then try again.",
            ) from error
        for known, hint in _STORAGE_HINTS.items():
            if known in words:
                raise StorageFailed(f"Cannot use {self.where}: {error}.", hint=hint) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
