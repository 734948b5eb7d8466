"""The log of one build while it is made: who waits for the maker sees it too, from its start."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

Log = Callable[[str], None]


def build_log_of(build: Path) -> Path:
    """Where the log of a build's making lies."""
    return build.parent / f".{build.name}.log"


class Told:
    """Lines that go to the maker's log and to a file beside the build, which stays until the next maker's. Used by one
    thread.
    """

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._told_bytes = 0

    def begin(self) -> None:
        """Empty the file: this is the maker."""
        with contextlib.suppress(OSError):
            self._path.write_bytes(b"")

    def line(self, text: str) -> None:
        """Log a line of the maker's."""
        self._log(text)
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def follow(self) -> None:
        """Log what the maker has logged since the last call."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._told_bytes:
                    self._told_bytes = 0  # that maker failed, and another one began
                file.seek(self._told_bytes)
                new = file.read()
        except OSError:
            return
        whole, _, _ = new.rpartition(b"\n")
        if whole:
            self._told_bytes += len(whole) + 1
            for line in whole.decode("utf-8", "replace").split("\n"):
                self._log(f"  {line}")
