"""Blobs in a folder of this machine."""

from __future__ import annotations

import errno
import io
import os
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from amlet.artifacts.base import Begun
from amlet.artifacts.beginnings import Beginnings
from amlet.artifacts.incoming import Incoming
from amlet.base.errors import Conflict, InvalidInput, StorageFailed, TooLarge
from amlet.domain.artifact import PACK_LIMIT_BYTES, BlobLocation

_SHA256 = re.compile(r"[0-9a-f]{64}")
_READ_BUFFER_BYTES = 256 << 10

_PACK_WRITE_BYTES = 1 << 20
"""Members of a pack are written together: one by one they cost more than their bytes."""

STALLED_S = 2.0
"""A writer that got nothing for so long may have lost its connection without a word."""


class BlobFolder:
    """The blob store in a folder: `ab/<sha256>`, `packs/ab/<sha256>`, `incoming/` for what is not yet whole, and
    `beginnings/` for what broke off.

    A file is written in `incoming`, synced, then renamed: what bears a hash as its name below `ab` is whole, also
    after a power cut. The temporary files have a folder of their own so that a sweep need not look through all others.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._beginnings = Beginnings(root / "beginnings", self._incoming)
        self._writers: dict[str, list[FolderWriter]] = {}
        self._writers_lock = threading.Lock()

    def writer(self, expected_sha256: str, limit_bytes: int, offset: int = 0) -> FolderWriter:
        if offset < 0:
            raise InvalidInput(f"An offset is 0 or more, got {offset}.")
        writer = FolderWriter(self, expected_sha256, limit_bytes, offset)
        with self._writers_lock:
            self._writers.setdefault(expected_sha256, []).append(writer)
        return writer

    def begun(self, sha256: str, *, take_over: bool = False) -> Begun:
        if take_over:
            for writer in self._writing(_check(sha256)):
                if writer.idle_s() > STALLED_S:
                    writer.leave()
        return Begun(self._beginnings.size_bytes(_check(sha256)), bool(self._writing(sha256)))

    def _writing(self, sha256: str) -> list[FolderWriter]:
        with self._writers_lock:
            return [*self._writers.get(sha256, ())]

    def _ended(self, sha256: str, writer: FolderWriter) -> None:
        with self._writers_lock:
            left = [other for other in self._writers.get(sha256, ()) if other is not writer]
            self._writers[sha256] = left
            if not left:
                del self._writers[sha256]

    def write_pack(self, members: Iterable[tuple[str, bytes]]) -> list[BlobLocation]:
        found: dict[str, tuple[int, int]] = {}
        with Incoming(self._incoming) as incoming:
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

    def take_up(self) -> None:
        try:
            self._beginnings.take_up(PACK_LIMIT_BYTES)
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._incoming) from error
        self.sweep_temporary(0.0)

    def sweep_beginnings(self, older_than_s: float) -> int:
        try:
            return self._beginnings.sweep(older_than_s)
        except OSError as error:
            raise StorageFailed.from_os_error(error, self._root / "beginnings") from error

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
    """One blob on its way into a folder. It may be taken over, by another thread, when its connection went silent."""

    def __init__(self, folder: BlobFolder, expected_sha256: str, limit_bytes: int, offset: int) -> None:
        self._folder = folder
        self._place = folder._place(expected_sha256)
        self._expected = expected_sha256
        self._limit_bytes = limit_bytes
        self._offset = offset
        self._incoming: Incoming | None = None
        self._over = False
        self._lock = threading.Lock()
        self._wrote_s = time.monotonic()

    def idle_s(self) -> float:
        """Since when nothing was written, in seconds."""
        return time.monotonic() - self._wrote_s

    def write(self, chunk: bytes) -> None:
        with self._lock:
            incoming = self._opened()
            if incoming.size_bytes + len(chunk) > self._limit_bytes:
                self._end()
                raise TooLarge(f"Blob {self._expected} is larger than {self._limit_bytes:,} bytes, the limit here.")
            try:
                incoming.write(chunk)
            except StorageFailed:
                self._end()
                raise
            self._wrote_s = time.monotonic()

    def commit(self) -> BlobLocation:
        with self._lock:
            incoming = self._opened()
            actual = incoming.sha256()
            if actual != self._expected:
                self._end()
                raise InvalidInput(
                    f"The bytes sent as blob {self._expected} have the hash {actual}.",
                    hint="the file was changed while it was being sent, or the connection damaged it: send it again.",
                )
            try:
                incoming.keep_as(self._place)
            finally:
                self._end()
        self._folder._beginnings.drop(self._expected)
        return BlobLocation(self._expected, incoming.size_bytes)

    def leave(self) -> None:
        with self._lock:
            if self._incoming is not None and not self._over:
                self._folder._beginnings.keep(self._expected, self._incoming)
            self._end()

    def abort(self) -> None:
        with self._lock:
            self._end()

    def _opened(self) -> Incoming:
        if self._over:
            raise Conflict(f"Another upload of blob {self._expected} took the place of this one.")
        if self._incoming is None:
            try:
                if self._offset:
                    self._incoming = self._folder._beginnings.take(self._expected, self._offset)
                else:
                    self._incoming = Incoming(self._folder._incoming, f"{self._expected}.")
            except BaseException:
                self._end()
                raise
        return self._incoming

    def _end(self) -> None:
        if not self._over:
            self._over = True
            if self._incoming is not None:
                self._incoming.drop()
            self._folder._ended(self._expected, self)

    def __enter__(self) -> FolderWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


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
