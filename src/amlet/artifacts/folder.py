"""Blobs in a folder of this machine."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from amlet.base.errors import InvalidInput, StorageFailed, TooLarge
from amlet.base.paths import owner_only
from amlet.domain.artifact import BlobLocation

_SHA256 = re.compile(r"[0-9a-f]{64}")
_READ_BUFFER_BYTES = 256 << 10

_PACK_WRITE_BYTES = 1 << 20
"""Members of a pack are written together: one by one they cost more than their bytes."""

_WRITE_BACK_BYTES = 4 << 20
"""The disk is set to work at every so many bytes, so that little is left for the sync at the end."""


class BlobFolder:
    """The blob store in a folder: `ab/<sha256>`, `packs/ab/<sha256>`, and `incoming/` for what is not yet whole.

    A file is written in `incoming`, synced, then renamed: what bears a hash as its name is whole, also after a power
    cut. The temporary files have a folder of their own so that a sweep need not look through all others.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"

    def writer(self, expected_sha256: str, limit_bytes: int) -> FolderWriter:
        return FolderWriter(self._incoming, self._place(expected_sha256), expected_sha256, limit_bytes)

    def write_pack(self, members: Iterable[tuple[str, bytes]]) -> list[BlobLocation]:
        found: dict[str, tuple[int, int]] = {}
        with _Incoming(self._incoming) as incoming:
            waiting: list[bytes] = []
            size_bytes = waiting_bytes = 0
            for sha256, data in members:
                _check(sha256)
                if sha256 not in found:
                    found[sha256] = (size_bytes, len(data))
                    size_bytes += len(data)
                    waiting.append(data)
                    waiting_bytes += len(data)
                    if waiting_bytes >= _PACK_WRITE_BYTES:
                        incoming.write(b"".join(waiting))
                        waiting, waiting_bytes = [], 0
            if not found:
                return []
            incoming.write(b"".join(waiting))
            pack = incoming.sha256()
            incoming.keep_as(self._pack_place(pack))
        return [BlobLocation(sha256, size, pack, offset) for sha256, (offset, size) in found.items()]

    def open(self, location: BlobLocation) -> BinaryIO:
        return io.BufferedReader(self._raw(location), _READ_BUFFER_BYTES)

    def read(self, location: BlobLocation) -> bytes:
        with self._raw(location) as member:
            return member.readall()

    def remove(self, location: BlobLocation, *, unless_younger_than_s: float = 0.0) -> None:
        place = self._file_of(location)
        aside = place.with_name(f".{place.name}.{os.urandom(4).hex()}")
        try:
            # Out of sight first: one that is sent in between gets a place of its own.
            place.rename(aside)
            if time.time() - aside.stat().st_mtime < unless_younger_than_s:
                aside.rename(place)
            else:
                aside.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageFailed.from_os_error(error, place) from error

    def sweep_temporary(self, older_than_s: float) -> int:
        removed = 0
        limit = time.time() - older_than_s
        try:
            for partial in self._incoming.iterdir():
                if partial.stat().st_mtime <= limit:
                    partial.unlink(missing_ok=True)
                    removed += 1
        except FileNotFoundError:
            pass  # no writer has been here yet, or one has just finished
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._incoming) from error
        return removed

    def _raw(self, location: BlobLocation) -> _Member:
        place = self._file_of(location)
        try:
            handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise StorageFailed(
                f"Blob {location.sha256} is missing from the store: there is no file {place}.",
                hint="restore the file from a backup; nothing of amlet removes a blob that is in use.",
            ) from error
        except OSError as error:
            raise _cannot_read(place, error) from error
        member = _Member(handle, place, location)
        held = os.fstat(handle).st_size
        if held < location.offset + location.size_bytes:
            member.close()
            raise _cut_off(place, location)
        return member

    def _file_of(self, location: BlobLocation) -> Path:
        return self._place(location.sha256) if location.pack is None else self._pack_place(location.pack)

    def _place(self, sha256: str) -> Path:
        return self._root / _check(sha256)[:2] / sha256

    def _pack_place(self, sha256: str) -> Path:
        return self._root / "packs" / _check(sha256)[:2] / sha256


class FolderWriter:
    """One blob on its way into a folder."""

    def __init__(self, incoming: Path, place: Path, expected_sha256: str, limit_bytes: int) -> None:
        self._incoming = _Incoming(incoming)
        self._place = place
        self._expected = expected_sha256
        self._limit_bytes = limit_bytes

    def write(self, chunk: bytes) -> None:
        if self._incoming.size_bytes + len(chunk) > self._limit_bytes:
            self.abort()
            raise TooLarge(f"Blob {self._expected} is larger than {self._limit_bytes:,} bytes, the limit here.")
        self._incoming.write(chunk)

    def commit(self) -> BlobLocation:
        actual = self._incoming.sha256()
        if actual != self._expected:
            self.abort()
            raise InvalidInput(
                f"The bytes sent as blob {self._expected} have the hash {actual}.",
                hint="the file was changed while it was being sent, or the connection damaged it: send it again.",
            )
        self._incoming.keep_as(self._place)
        return BlobLocation(self._expected, self._incoming.size_bytes)

    def abort(self) -> None:
        self._incoming.drop()

    def __enter__(self) -> FolderWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


class _Incoming:
    """A temporary file that counts and hashes what goes in. Any failure drops it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / os.urandom(12).hex()
        self._digest = hashlib.sha256()
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

    def __enter__(self) -> _Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()


class _Member(io.RawIOBase):
    """The bytes of one blob within a file."""

    def __init__(self, handle: int, place: Path, location: BlobLocation) -> None:
        self._handle = handle
        self._place = place
        self._location = location
        self._position = 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), max(0, self._location.size_bytes - self._position))
        if not wanted:
            return 0
        try:
            count = os.preadv(self._handle, [memoryview(buffer)[:wanted]], self._location.offset + self._position)
        except OSError as error:
            raise _cannot_read(self._place, error) from error
        if not count:
            raise _cut_off(self._place, self._location)
        self._position += count
        return count

    def readall(self) -> bytes:
        data = bytearray(max(0, self._location.size_bytes - self._position))
        done = 0
        while done < len(data):
            done += self.readinto(memoryview(data)[done:])
        return bytes(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._location.size_bytes}[whence]
        if start + offset < 0:
            raise ValueError(f"cannot seek to {start + offset}, before the start")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            os.close(self._handle)
        super().close()


def _check(sha256: str) -> str:
    """A hash becomes a file's name: nothing else may."""
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise InvalidInput(f"{str(sha256)[:100]!r} is not a SHA-256 hash: 64 digits from 0-9 and a-f are expected.")
    return sha256


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


def _cannot_read(place: Path, error: OSError) -> StorageFailed:
    hint = None
    if error.errno in (errno.EMFILE, errno.ENFILE):
        hint = "too many files are open: raise the limit with `ulimit -n 4096` and start again."
    return StorageFailed(f"Cannot read {place}: {os.strerror(error.errno or 0)}.", hint=hint)


def _cut_off(place: Path, location: BlobLocation) -> StorageFailed:
    return StorageFailed(
        f"Blob {location.sha256} is damaged: {place} ends before its {location.size_bytes:,} bytes do.",
        hint="restore the file from a backup, or submit again what it came from.",
    )
