"""The writer: one thread that commits what waits in one transaction."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from amlet.base.errors import AmletError, StorageFailed, Unavailable
from amlet.store.backend import Backend
from amlet.store.base import Transaction
from amlet.store.transaction import SQLTransaction

T = TypeVar("T")
Listener = Callable[[Mapping[str, None]], None]

GROUP_LIMIT = 512
"""Works in one commit, so that the first of a flood does not wait for the last."""

_log = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    work: Callable[[Transaction], Any]
    future: Future[Any]


class _Kept(NamedTuple):
    future: Future[Any]
    result: Any
    topics: Mapping[str, None]


class Writer:
    """Runs work one at a time, in the order of the calls. Its thread outlives every error of the database."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._listeners: list[Listener] = []
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._serve, name="amlet-records-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Queue work. The future is resolved after the commit is durable; it fails with what the work raised."""
        future: Future[T] = Future()
        with self._gate:  # so that nothing is queued behind the end
            if self._closed:
                future.set_exception(Unavailable(f"The records in {self._backend.where} are closed."))
            else:
                self._queue.put(_Waiting(work, future))
        return future

    def on_commit(self, listener: Listener) -> None:
        """Call the listener with the topics that a commit touched, if any."""
        self._listeners = [*self._listeners, listener]

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        ended = False
        while not ended:
            group = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(group) < GROUP_LIMIT:
                    group.append(self._queue.get_nowait())
            ended = group[-1] is None
            waiting = [item for item in group if item is not None and item.future.set_running_or_notify_cancel()]
            while waiting:
                waiting = self._commit(waiting)
            del group, waiting  # results may be large: none is held until the next work comes
        self._drop()

    def _commit(self, group: list[_Waiting]) -> list[_Waiting]:
        """Run works in one transaction, and resolve their futures.

        Returns:
            The works that are still to be run, when the database gave the transaction up in the middle.
        """
        kept: list[_Kept] = []
        try:
            connection = self._begin()
        except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            if not isinstance(error, Unavailable):
                self._drop()
            _fail((item.future for item in group), error)
            return []
        for done, item in enumerate(group, start=1):
            try:
                outcome = self._run(connection, item)
            except _TransactionLost as lost:
                self._undo(connection)
                _fail([item.future, *(held.future for held in kept)], lost.reason)
                return group[done:]
            if outcome is not None:
                kept.append(outcome)
        try:
            connection.exec_driver_sql("COMMIT")
        except BaseException as error:  # noqa: BLE001 - as above
            self._undo(connection)
            _fail((held.future for held in kept), error)
            return []
        topics: dict[str, None] = {}
        for future, result, touched in kept:
            future.set_result(result)
            topics.update(touched)
        if topics:
            self._tell(topics)
        return []

    def _run(self, connection: Connection, item: _Waiting) -> _Kept | None:
        """Run one work within a savepoint; None when it raised and was undone alone."""
        transaction = SQLTransaction(connection)
        reason: BaseException | None = None
        try:
            connection.exec_driver_sql("SAVEPOINT work")
            try:
                result = item.work(transaction)
            except BaseException as error:  # noqa: BLE001 - handed to who waits for the work
                reason = error
                connection.exec_driver_sql("ROLLBACK TO SAVEPOINT work")
            connection.exec_driver_sql("RELEASE SAVEPOINT work")
        except BaseException as error:
            # SQLite may undo a whole transaction by itself when the disk fails: then the savepoint is gone.
            raise _TransactionLost(reason or error, self._backend.where) from error
        if reason is not None:
            item.future.set_exception(reason)
            return None
        return _Kept(item.future, result, transaction.topics)

    def _begin(self) -> Connection:
        if self._connection is None:
            self._connection = self._backend.connect()
        self._connection.exec_driver_sql(self._backend.begin_write)
        return self._connection

    def _undo(self, connection: Connection) -> None:
        """End what is left of a failed transaction, and keep the connection.

        With the last one gone, SQLite could not even read before there is space on the disk again.
        """
        with contextlib.suppress(Exception):  # when all was undone already; else the next BEGIN will tell
            connection.exec_driver_sql("ROLLBACK")

    def _drop(self) -> None:
        """Leave a connection in doubt. The next commit opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def _tell(self, topics: Mapping[str, None]) -> None:
        for listener in self._listeners:
            try:
                listener(topics)
            except Exception:  # noqa: BLE001 - its trouble is not the records'
                _log.exception("A listener of commits failed.")


class _TransactionLost(Exception):
    """Nothing of the transaction is left, the works before this one included."""

    def __init__(self, reason: BaseException, where: str) -> None:
        super().__init__(str(reason))
        self.reason = (
            reason
            if isinstance(reason, AmletError)
            else StorageFailed(f"The transaction in {where} was lost: {reason}.")
        )


def _fail(futures: Iterable[Future[Any]], error: BaseException) -> None:
    for future in futures:
        future.set_exception(error)
