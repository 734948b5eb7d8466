"""The port of a database program: what differs between SQLite and PostgreSQL, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection


class Backend(Protocol):
    """One database: how to connect to it, begin, and copy it. Safe to call from any thread.

    Its connections are in autocommit: transactions are begun and ended by statements, so that the writer alone
    decides which work shares one. Errors raised through them are those of `amlet.base.errors` already:

    * StorageFailed: the disk is full, read-only or damaged; names the place.
    * Unavailable: another process holds the database; names the place.
    * InvalidInput: a value that the database cannot hold (text that is not Unicode, a number beyond 64 bits).
    * NotFound: a record that another refers to is not there.
    * Conflict: a name is taken.
    """

    where: str
    """What errors call it: a file, or a server's address without its password."""
    begin_write: str
    """The statement that begins a transaction and, where that is a thing, takes the right to write at once."""
    begin_read: str
    """The statement that begins a transaction that sees one state of the database."""

    def connect(self, *, read_only: bool = False) -> Connection:
        """A new connection, which the caller closes. Blocks until it is there."""

    def back_up(self, folder: Path, name: str) -> Path | None:
        """Write a whole copy, as of now, as `folder`/`name`, beside other readers and writers.

        Returns:
            The file, once it is durable; None for a server that is backed up by its own means.
        """

    def close(self) -> None:
        """Forget what is shared between connections. They are closed before."""
