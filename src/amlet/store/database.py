"""The database: what is opened once by the server and then shared by its threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from amlet.base.clock import Clock, SystemClock
from amlet.base.errors import InvalidInput
from amlet.store.backend import Backend
from amlet.store.base import Transaction
from amlet.store.migrations import known_steps, migrate
from amlet.store.readers import Readers
from amlet.store.sqlite import SQLite
from amlet.store.writer import Writer

T = TypeVar("T")


class Database:
    """The records, kept in SQLite. It implements `amlet.store.base.Records`, which states the contract.

    One server at a time may open a file; the server's own lock sees to that.
    """

    def __init__(
        self,
        where: str | Path,
        *,
        readers: int = 8,
        busy_wait_s: float = 60.0,
        backups: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Open a database, make it when there is none, and bring it to the newest schema.

        Args:
            where: The file, or its URL (`sqlite:///path`).
            readers: How many threads may read at a time; others wait.
            busy_wait_s: How long to wait while another process holds the database, or all readers are taken.
            backups: Where the copy goes that is made before a migration; `backups` beside the file by default.
            clock: Gives that copy its name.

        Raises:
            VersionMismatch: when a newer version of amlet wrote it.
            StorageFailed: when it cannot be opened, is damaged or is not amlet's.
            Unavailable: when another process holds it.
        """
        self._clock = clock or SystemClock()
        path = _path_of(where)
        self._backups = backups or path.parent / "backups"
        self._backend: Backend = SQLite(path, busy_wait_s=busy_wait_s)
        self.schema = self._migrate()
        """The schema's number."""
        self._readers = Readers(self._backend, count=readers, wait_s=busy_wait_s)
        self._writer = Writer(self._backend)

    def write(self, work: Callable[[Transaction], T]) -> Future[T]:
        return self._writer.write(work)

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self._readers.read(work)

    def on_commit(self, listener: Callable[[Mapping[str, None]], None]) -> None:
        self._writer.on_commit(listener)

    def back_up(self) -> Path | None:
        """Write a whole copy into the folder of backups, beside other readers and writers.

        Returns:
            The copy, once it is durable; None for a server that is backed up by its own means.
        """
        return self._copy(self.schema)

    def close(self) -> None:
        self._writer.close()
        self._readers.close()
        self._backend.close()

    def _migrate(self) -> int:
        steps = known_steps()
        with self._backend.connect() as connection:
            migrate(connection, steps, where=self._backend.where, begin=self._backend.begin_write, back_up=self._copy)
        return steps[-1].version

    def _copy(self, schema: int) -> Path | None:
        moment = self._clock.now().strftime("%Y%m%dT%H%M%S%fZ")
        return self._backend.back_up(self._backups, f"records-{schema}-{moment}.db")


def _path_of(where: str | Path) -> Path:
    if isinstance(where, str) and "://" in where:
        scheme, _, path = where.partition(":///")
        if scheme != "sqlite" or not path:
            raise InvalidInput(
                f"Records cannot be kept in {where.partition('@')[2] or where!r}.",
                hint="give a file, as `sqlite:///home/me/records.db` with three slashes, or just its path.",
            )
        return Path(path)
    return Path(where)
