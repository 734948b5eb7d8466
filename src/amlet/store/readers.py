"""The readers: a few read-only connections, shared by all threads that ask."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from amlet.base.errors import StorageFailed, Unavailable
from amlet.store.backend import Backend
from amlet.store.base import Transaction
from amlet.store.transaction import SQLTransaction

T = TypeVar("T")


class Readers:
    """A stack of connections, at most `count`. Safe to call from any thread."""

    def __init__(self, backend: Backend, *, count: int, wait_s: float) -> None:
        self._backend = backend
        self._wait_s = wait_s
        self._places = threading.Semaphore(count)
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run work on this thread. Blocks while all connections are taken, and then raises Unavailable."""
        if not self._places.acquire(timeout=self._wait_s):
            raise Unavailable(
                f"All reading connections to {self._backend.where} were taken for {self._wait_s:g} s.",
                hint="try again; if this goes on, something reads far too much at once.",
            )
        try:
            connection = self._take()
            try:
                connection.exec_driver_sql(self._backend.begin_read)
                return work(SQLTransaction(connection))
            except StorageFailed:
                # The next reader starts afresh: a connection that saw a broken disk may stay broken.
                _drop(connection)
                raise
            finally:
                self._give_back(connection)
        finally:
            self._places.release()

    def close(self) -> None:
        """Close what is idle now, and the others when their work is done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            _drop(connection)

    def _take(self) -> Connection:
        with self._lock:
            if self._closed:
                raise Unavailable(f"The records in {self._backend.where} are closed.")
            if self._idle:
                return self._idle.pop()
        return self._backend.connect(read_only=True)

    def _give_back(self, connection: Connection) -> None:
        if connection.closed:
            return
        try:
            connection.exec_driver_sql("ROLLBACK")
        except Exception:  # noqa: BLE001 - it never began, or the database ended it
            _drop(connection)
            return
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        _drop(connection)


def _drop(connection: Connection) -> None:
    with contextlib.suppress(Exception):
        connection.close()
