"""A line that shows how far a large transfer is: on a terminal, and only when it takes a while."""

from __future__ import annotations

import sys
import time
from typing import Optional

from amlet.base.units import human_bytes

FROM_BYTES = 32 << 20
AFTER_S = 0.5
EVERY_S = 0.1
WIDTH = 30


class Progress:
    """Called with (bytes so far, bytes in all), perhaps from another thread, one at a time; clears its line at the end.

    Anywhere but on a terminal it stays silent.
    """

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._began = time.monotonic()
        self._drawn = 0.0
        self._width = 0

    def __call__(self, done: int, total: Optional[int]) -> None:
        if not total or total < FROM_BYTES or not _is_terminal():
            return
        now = time.monotonic()
        if now - self._began < AFTER_S or (now - self._drawn < EVERY_S and done < total):
            return
        self._drawn = now
        filled = WIDTH * min(done, total) // total
        rate = human_bytes(int(done / max(now - self._began, 0.001)))
        bar = "#" * filled + "." * (WIDTH - filled)
        self._write(f"amlet: {self._verb} [{bar}] {human_bytes(done)} of {human_bytes(total)}, {rate}/s")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._width:
            self._write("")
            sys.stderr.write("\r")
            sys.stderr.flush()

    def _write(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)


def _is_terminal() -> bool:
    return bool(getattr(sys.stderr, "isatty", lambda: False)())
