"""The lines that v1 prints while it uploads and downloads, and a bar on a terminal (v1-behaviours 13.15)."""

from __future__ import annotations

from typing import Any, Optional

from amlet.sdk.progress import Progress

_WORDS = {"Upload": ("Uploading", "Uploaded"), "Download": ("Downloading", "Downloaded")}


class TransferLines:
    """Prints to stdout as files go through.

    Args:
        verb: `Upload` or `Download`.
        count: How many files there are.
        shown: Nothing is printed otherwise.
    """

    def __init__(self, verb: str, count: int, *, shown: bool) -> None:
        self._doing, self._done = _WORDS[verb]
        self._count = count
        self._shown = shown
        self._through = 0
        self._bar = Progress(self._doing.lower())
        self._say(f"{self._doing} an estimated of {count} files")

    def begins(self, path: object) -> None:
        """A file is on its way."""
        self._say(f"{self._doing} {path}")

    def through(self, path: object) -> None:
        """A file is there."""
        self._through += 1
        of = f"{self._through} files out of an estimated total of {self._count}"
        self._say(f"{self._done} {path}, {of}")

    def skips(self, path: object) -> None:
        """A file that was there stays."""
        self._say(f"Target already exists. Skipping upload for {path}")

    def progress(self, done: int, total: Optional[int]) -> None:
        """Bytes so far, and in all."""
        if self._shown:
            self._bar(done, total)

    def ends(self, count: int) -> None:
        """All are through."""
        self._say(f"{self._done} {count} files")

    def __enter__(self) -> TransferLines:
        return self

    def __exit__(self, *reason: Any) -> None:
        self._bar.__exit__(*reason)

    def _say(self, text: str) -> None:
        if self._shown:
            print(text)
