"""Blobs of which the beginning came before the connection broke: kept for a while, so that the rest is enough."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from amlet.artifacts.incoming import Incoming
from amlet.base.errors import Conflict, StorageFailed

if TYPE_CHECKING:
    from hashlib import _Hash

LIMIT = 32
"""Beginnings kept at a time; the oldest goes first."""

_HALF = re.compile(r"([0-9a-f]{64})\.[0-9a-f]+")


class Beginnings:
    """A folder with one file a blob, named by the hash that the whole will have; the longest that came of each.

    Safe from any thread. Whoever goes on with one takes it away, so that two never write to the same file. What is
    known of each file's content, its digest so far, is kept in memory; after a restart the file is read once.
    """

    def __init__(self, folder: Path, incoming: Path) -> None:
        """`incoming` is the folder of files that somebody writes to now."""
        self._folder = folder
        self._incoming = incoming
        self._digests: dict[str, tuple[int, _Hash]] = {}
        self._lock = threading.Lock()

    def size_bytes(self, sha256: str) -> int:
        """How much of a blob is kept."""
        return _size(self._folder / sha256)

    def keep(self, sha256: str, incoming: Incoming) -> None:
        """Keep what came of a blob, unless more of it is kept already. Never raises."""
        with self._lock:
            size = incoming.size_bytes
            if size <= self.size_bytes(sha256):
                incoming.drop()
                return
            with suppress(OSError):  # it is sent from the start, then
                self._digests[sha256] = (size, incoming.set_aside(self._folder / sha256))
                self._make_room()

    def take(self, sha256: str, size_bytes: int) -> Incoming:
        """Go on with a blob of which so much is kept.

        Raises:
            Conflict: if so much is not kept: somebody else may have taken it.
            StorageFailed: if it cannot be read or written.
        """
        place, path = self._folder / sha256, self._incoming / f"{sha256}.{os.urandom(12).hex()}"
        with self._lock:
            held = self.size_bytes(sha256)
            if held != size_bytes:
                raise Conflict(
                    f"The server keeps {held:,} bytes of blob {sha256}, not {size_bytes:,}.",
                    hint="ask how many it keeps, and send it from there.",
                )
            known, digest = self._digests.pop(sha256, (0, None))
            try:
                place.rename(path)
            except OSError as error:
                raise StorageFailed.from_os_error(error, place) from error
        return Incoming.again(path, digest if known == held else None)

    def drop(self, sha256: str) -> None:
        """Forget a blob that is whole by now. Never raises."""
        with self._lock:
            self._digests.pop(sha256, None)
            with suppress(OSError):
                (self._folder / sha256).unlink(missing_ok=True)

    def take_up(self, from_bytes: int) -> None:
        """Keep what the writers of a process that was killed had of large blobs: for its successor, before it writes.

        Raises:
            OSError: if the folder cannot be read.
        """
        if not self._incoming.is_dir():
            return
        for path in self._incoming.iterdir():
            found = _HALF.fullmatch(path.name)
            if found and _size(path) >= from_bytes:
                with self._lock:
                    if _size(path) > self.size_bytes(found[1]):
                        self._folder.mkdir(mode=0o700, exist_ok=True)
                        path.replace(self._folder / found[1])
                        self._make_room()

    def sweep(self, older_than_s: float) -> int:
        """Remove what was last written so long ago.

        Returns:
            How many files went.

        Raises:
            OSError: if one cannot be removed.
        """
        removed, limit = 0, time.time() - older_than_s
        with self._lock:
            for moment, path in self._by_age():
                if moment <= limit:
                    self._digests.pop(path.name, None)
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed

    def _make_room(self) -> None:
        for _, path in self._by_age()[:-LIMIT]:
            self._digests.pop(path.name, None)
            path.unlink(missing_ok=True)

    def _by_age(self) -> list[tuple[float, Path]]:
        found = []
        with suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                with suppress(FileNotFoundError):
                    found.append((path.stat().st_mtime, path))
        return sorted(found)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
