"""Files that grow while a job runs, sent on as they grow: its output, ./logs, its journals."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

CHUNK_BYTES = 1 << 20
LONGEST_CHUNK_BYTES = 16 << 20
"""The server takes no more at once; a line of a journal that is longer is lost."""

LAST_BYTES = 128 << 10
LAST_FILES = 16
"""What comes with an attempt's end, in one request with it; more is sent before."""

Send = Callable[[int, bytes], int]
"""(offset, bytes) -> how many bytes the server holds now."""


class Tail:
    """One growing file. Sending is by offset, so that bytes sent twice change nothing.

    A file that is not there has nothing to send; one that cannot be read raises OSError, and is read later.
    """

    def __init__(self, path: Path, send: Send, *, is_new: bool = False) -> None:
        """`is_new` is a file of which nobody has sent anything; else the server is asked what it has."""
        self._path = path
        self._send = send
        self._sent: int | None = 0 if is_new else None
        self._chunk_bytes = CHUNK_BYTES

    def advance(self) -> bool:
        """Send what is new, at most one chunk; whether there may be more."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return False
        if self._sent is None:
            self._sent = self._send(0, b"") if size else None
        if self._sent is None or size <= self._sent:
            return False
        try:
            with self._path.open("rb") as file:
                file.seek(self._sent)
                data = file.read(self._chunk_bytes)
        except FileNotFoundError:
            return False
        if not data:
            return False
        before = self._sent
        self._sent = self._send(before, data)
        if self._sent == before and len(data) == self._chunk_bytes < LONGEST_CHUNK_BYTES:
            self._chunk_bytes *= 2  # one line of a journal is longer than the chunk
            return True
        return before < self._sent < size

    def drain(self) -> None:
        """Send all there is."""
        while self.advance():
            pass

    def rest(self) -> tuple[int, bytes] | None:
        """The offset and the bytes of what was not sent; None when that is more than `LAST_BYTES`.

        A file of which nothing was sent yet may be with the server already: whoever gets this goes by the offset.
        """
        offset = self._sent or 0
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                data = file.read(LAST_BYTES + 1)
        except FileNotFoundError:
            return offset, b""
        return (offset, data) if len(data) <= LAST_BYTES else None


class TailFolder:
    """All files of a folder that grows while a job runs."""

    def __init__(
        self, folder: Path, send: Callable[[str, int, bytes], int], limit: int = 1000, *, is_new: bool = False
    ) -> None:
        """`send` also gets the file's path within the folder; beyond `limit` files the rest waits for the end."""
        self._folder = folder
        self._is_new = is_new
        self._send = send
        self._limit = limit
        self._tails: dict[str, Tail] = {}

    def advance(self) -> bool:
        """Look for new files, send what is new of each; whether there may be more."""
        self._look()
        more = [tail.advance() for tail in self._tails.values()]
        return any(more)

    def drain(self) -> None:
        """Send all there is."""
        while self.advance():
            pass

    def rest(self) -> dict[str, tuple[int, bytes]] | None:
        """What was not sent of each file, as `Tail.rest` has it; None when it is more, or of more than `LAST_FILES`."""
        self._look()
        found: dict[str, tuple[int, bytes]] = {}
        for name, tail in self._tails.items():
            held = tail.rest()
            if held is None or len(found) == LAST_FILES:
                return None
            if held[1]:
                found[name] = held
        return found

    def _look(self) -> None:
        for parent, folders, names in os.walk(self._folder, onerror=_unless_gone):
            folders.sort()
            for name in sorted(names):
                path = Path(parent, name)
                relative = path.relative_to(self._folder).as_posix()
                if relative in self._tails or len(self._tails) >= self._limit:
                    continue
                if path.is_file() and not path.is_symlink() and _nameable(relative):
                    self._tails[relative] = Tail(path, self._sender(relative), is_new=self._is_new)

    def _sender(self, relative: str) -> Send:
        return lambda offset, data: self._send(relative, offset, data)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _nameable(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
