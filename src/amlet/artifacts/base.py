"""The port of a blob store: bytes by their sha256. What it holds is written down elsewhere, in the records."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import BinaryIO, NamedTuple, Protocol

from amlet.domain.artifact import BlobLocation


class Begun(NamedTuple):
    """How much of a blob the store has that is not whole."""

    size_bytes: int
    """Kept for a writer that goes on from there."""
    is_growing: bool
    """Somebody writes it now."""


class BlobWriter(Protocol):
    """One blob on its way in. For one thread at a time; every method blocks on the store.

    As a context manager it aborts at the end of the block, unless it was committed or left.
    """

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            TooLarge: when more than the limit have come.
            StorageFailed: if the store cannot take them. In both cases nothing is left behind.
            Conflict: if so much as the offset is not kept any more, or another writer took over.
        """

    def commit(self) -> BlobLocation:
        """Check the hash and make the blob visible, whole, and safe from a power cut. A blob that is there already is
        no error.

        Raises:
            InvalidInput: if the bytes have another hash than was said; both are named.
            StorageFailed: if the store cannot keep them. In both cases nothing is left behind.
        """

    def leave(self) -> None:
        """Keep what was written, for a writer that goes on from there. Never raises: what cannot be kept is dropped."""

    def abort(self) -> None:
        """Drop what was written. Does nothing after a commit, a `leave` or a second time; never raises."""

    def __enter__(self) -> BlobWriter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BlobStore(Protocol):
    """Bytes by sha256. Safe to use from any thread and from several processes; every method blocks.

    A blob once visible never changes. The store knows no names and counts no references: the records say which blobs
    exist, where each lies and when nothing needs it any more.
    """

    def writer(self, expected_sha256: str, limit_bytes: int, offset: int = 0) -> BlobWriter:
        """Begin a blob of its own, or go on with one. The caller commits, leaves or aborts it. Waits for no disk.

        Args:
            limit_bytes: For the whole blob.
            offset: How much of it was kept, as `begun` says; what is kept is checked with the rest by `commit`.

        Raises:
            InvalidInput: if the hash is none.
        """

    def begun(self, sha256: str, *, take_over: bool = False) -> Begun:
        """How much is kept of a blob whose upload broke off.

        Args:
            take_over: End writers of it that got nothing for a while, as if they had been left.

        Raises:
            InvalidInput: if the hash is none.
        """

    def write_pack(self, members: Iterable[tuple[str, bytes]]) -> list[BlobLocation]:
        """Keep many small blobs as one, all or none of them.

        Args:
            members: (sha256, bytes), checked by whoever read them (`wire.packs.PackReader`); a hash that comes again
                is skipped.

        Returns:
            A location a hash, in order; nothing for no members.

        Raises:
            StorageFailed: if the store cannot keep them; what `members` raises passes through. Nothing is left behind.
        """

    def open(self, location: BlobLocation) -> BinaryIO:
        """Open a blob for reading and seeking, limited to its own bytes. The caller closes it.

        Raises:
            StorageFailed: if its file is missing, shorter than it should be, or cannot be read; the file is named.
                Reads of what is returned raise it too.
        """

    def read(self, location: BlobLocation) -> bytes:
        """All bytes of a blob: for small ones.

        Raises:
            StorageFailed: as `open`.
        """

    def remove(self, location: BlobLocation, *, unless_younger_than_s: float = 0.0) -> None:
        """Remove a blob of its own, or the whole pack that it lies in: to be called when no member is needed.

        One that is gone already is no error; open readers go on reading. A file that was written within the last
        `unless_younger_than_s` seconds stays: it was sent again.

        Raises:
            StorageFailed: if it cannot be removed.
        """

    def take_up(self) -> None:
        """Begin after a process that was killed: keep what it had of large blobs, remove what else is half made.

        Raises:
            StorageFailed: if the store cannot be read or written.
        """

    def sweep_beginnings(self, older_than_s: float) -> int:
        """Remove what is kept of blobs that broke off so long ago.

        Returns:
            How many files went.
        """

    def sweep_temporary(self, older_than_s: float) -> int:
        """Remove what writers that died have left, if it was last written so long ago.

        Returns:
            How many files went.
        """
