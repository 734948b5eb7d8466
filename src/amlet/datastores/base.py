"""The ports of datastores: a store of files, a database.

Contract, for every implementation:

* Safe to call from any thread; every call blocks.
* Paths are relative, with slashes, checked by the caller (`base.paths.relative_path`); patterns are those of
  `domain.data.matcher`.
* Errors of the libraries below become ours:
    - DatastoreFailed: it cannot be reached, is busy, or broke off; trying again may help.
    - InvalidInput: it does not let us in, or a query is wrong.
    - NotFound: the file, container or database is not there.
    - StorageFailed: a folder of this machine's cannot be read or written.
  None of them holds a secret.
* A write is whole under its final name, or not there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

from amlet.base.errors import InvalidInput, StorageFailed
from amlet.domain.data import DataFile


class Reading(Protocol):
    """The bytes of a file as they come; for one thread at a time."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most so many; none at the end."""

    def close(self) -> None: ...


class OpenFile(NamedTuple):
    stream: Reading
    total_bytes: int
    """Of the whole file, whatever the offset."""
    version: str
    """Of the content that comes, as `list` and `stat` tell it."""


class FileStore(Protocol):
    """A datastore that holds files."""

    def check(self, *, create: bool) -> None:
        """Look whether it is there and lets us in; with `create` make it where it is not there."""

    def list(self, pattern: str = "") -> Iterator[DataFile]:
        """The files that a pattern names, by path as bytes order."""

    def stat(self, path: str) -> DataFile | None:
        """One file; None when it is not there."""

    def open(self, path: str, offset: int = 0) -> OpenFile:
        """From an offset on; the caller closes it."""

    def write(self, path: str, stream: BinaryIO, size_bytes: int) -> None:
        """Write a file, in the place of one that is there."""


class Database(Protocol):
    """A datastore that answers queries."""

    def check(self) -> None:
        """Look whether it is there and lets us in."""

    def query(self, text: str, *, timeout_s: float, limit: int | None = None) -> Iterator[list[Any]]:
        """The columns first, as [name, type], then a row each; see `wire.data.Column` for the values."""


class Exactly:
    """A stream of so many bytes, read in full pieces: client libraries take a short piece for the end of a file."""

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        self._stream = stream
        self._left = size_bytes

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or all that are left.

        Raises:
            StorageFailed: the stream ended before its size.
        """
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        pieces = []
        while wanted:
            piece = self._stream.read(wanted)
            if not piece:
                raise StorageFailed(f"A file ended {self._left:,} bytes before its size.")
            pieces.append(piece)
            wanted -= len(piece)
            self._left -= len(piece)
        return b"".join(pieces)


def library(module: str, extra: str) -> Any:
    """A client library, loaded when it is first needed.

    Raises:
        InvalidInput: it is not installed; the hint has the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InvalidInput(
            f"The server lacks the Python package that this datastore needs ({module}).",
            hint=f"install it beside amlet, and start the server again: pip install 'amlet[{extra}]'",
        ) from error
