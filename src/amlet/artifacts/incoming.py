"""A file on its way into a folder of blobs: counted and hashed as it grows, whole and durable once it has its name."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from amlet.base.errors import StorageFailed
from amlet.base.hashing import CHUNK_BYTES
from amlet.base.paths import owner_only

if TYPE_CHECKING:
    from hashlib import _Hash

_WRITE_BACK_BYTES = 4 << 20
"""The disk is set to work at every so many bytes, so that little is left for the sync at the end."""


class Incoming:
    """A temporary file that counts and hashes what goes in. Any failure drops it. For one thread at a time."""

    def __init__(self, folder: Path, label: str = "") -> None:
        """Begin an empty file; `label` leads its name, for whoever finds it after a crash.

        Raises:
            StorageFailed: if it cannot be made.
        """
        self._path = folder / (label + os.urandom(12).hex())
        self._digest: _Hash = hashlib.sha256()
        self._handle: int | None = None
        self._handed_on = 0
        self.size_bytes = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            try:
                self._handle = os.open(self._path, flags, 0o600)
            except FileNotFoundError:
                owner_only(folder)
                self._handle = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._path) from error

    @classmethod
    def again(cls, path: Path, digest: _Hash | None) -> Incoming:
        """Go on with a file that was set aside, which must bear a temporary name by now.

        Args:
            digest: Of all that it holds; without it the file is read.

        Raises:
            StorageFailed: if it cannot be opened or read; it is gone then.
        """
        made = cls.__new__(cls)
        made._path, made._handle = path, None
        try:
            made._digest = digest if digest is not None else _digest_of(path)
            made._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            made.size_bytes = made._handed_on = os.fstat(made._handle).st_size
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            made._close()
            raise StorageFailed.from_os_error(error, path) from error
        return made

    def write(self, data: bytes) -> None:
        if self._handle is None:
            raise ValueError("this writer is closed")
        self._digest.update(data)
        self.size_bytes += len(data)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            if self.size_bytes - self._handed_on >= _WRITE_BACK_BYTES:
                self._write_back()
        except OSError as error:
            self.drop()
            raise StorageFailed.from_os_error(error, self._path) from error

    def _write_back(self) -> None:
        """Linux begins to write what is advised away, and waits for nothing."""
        if self._handle is not None and hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # advice: a file system may not take it
                os.posix_fadvise(self._handle, self._handed_on, 0, os.POSIX_FADV_DONTNEED)
        self._handed_on = self.size_bytes

    def sha256(self) -> str:
        return self._digest.hexdigest()

    def keep_as(self, place: Path) -> None:
        """Sync and rename. An equal file that is there is replaced: its content is the same, or damaged."""
        if self._handle is None:
            raise ValueError("this writer is closed")
        try:
            os.fsync(self._handle)
            _make_folders(place.parent)
            self._path.replace(place)
            _sync_folder(place.parent)
        except OSError as error:
            self.drop()
            raise StorageFailed.from_os_error(error, place) from error
        self._close()

    def set_aside(self, place: Path) -> _Hash:
        """Close and rename, as it is; the digest is for `again`. It is not synced: its hash will tell.

        Raises:
            OSError: if it cannot be renamed; it is gone then.
        """
        try:
            owner_only(place.parent)
            self._path.replace(place)
        except OSError:
            self.drop()
            raise
        self._close()
        return self._digest

    def drop(self) -> None:
        """Remove the file if it still has its temporary name. Never raises: a sweep finds what stays."""
        if self._handle is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            self._close()

    def _close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):  # the bytes were synced, or are not wanted
                os.close(handle)

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()


def _digest_of(path: Path) -> _Hash:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest


def _make_folders(folder: Path) -> None:
    if not folder.is_dir():
        owner_only(folder)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
