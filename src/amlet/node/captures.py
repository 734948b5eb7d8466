"""What services captured of their requests is kept for some days, and up to some size a service."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from amlet.base.paths import owner_only
from amlet.base.units import human_bytes
from amlet.domain.deployment import Capture
from amlet.runtime.attempt import write_json

KEEP_FILE = "keep.json"
"""In a service's folder: how long and how much, also when the service has gone."""
PAUSE_S = 60.0
BLOCK_BYTES = 512
"""What `st_blocks` counts."""

log = logging.getLogger("amlet.node")


class Keep(NamedTuple):
    """The bounds of a service's folder."""

    days: int = Capture().keep_days
    size_bytes: int = Capture().keep_bytes


def note_keep(folder: Path, capture: Capture) -> None:
    """Say in a service's folder what is kept there."""
    owner_only(folder)
    write_json(folder / KEEP_FILE, Keep(capture.keep_days, capture.keep_bytes)._asdict())


class Captures(threading.Thread):
    """Looks now and then after a folder with a folder a service, in which there is a folder a day."""

    def __init__(
        self,
        root: Path,
        closed: threading.Event,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        super().__init__(name="captures", daemon=True)
        self._root = root
        self._closed = closed
        self._now = now
        self._sizes: dict[Path, tuple[int, int]] = {}
        """Of a day: when its folder was changed last, and the bytes in it."""

    def run(self) -> None:
        while not self._closed.wait(PAUSE_S):
            try:
                self.look()
            except OSError as error:  # the next look tries again
                log.warning("captured requests could not be pruned: %s", error)

    def look(self) -> None:
        """Remove what is too old or too much, the oldest first. Blocks.

        Raises:
            OSError: a folder cannot be read or changed.
        """
        for folder in sorted(self._root.glob("*/")):
            freed = self._prune(folder, _keep_of(folder))
            if freed:
                log.info("pruned %s of captured requests in %s", human_bytes(freed), folder)

    def _prune(self, folder: Path, keep: Keep) -> int:
        first = (self._now().date() - timedelta(days=keep.days)).isoformat()
        sizes = {day: self._size(day) for day in sorted(folder.glob("*/")) if _is_day(day.name)}
        freed = 0
        for day in [day for day in sizes if day.name < first]:
            shutil.rmtree(day)
            freed += sizes.pop(day)
            self._sizes.pop(day, None)
        for day in list(sizes):
            over = sum(sizes.values()) - keep.size_bytes
            if over <= 0:
                break
            removed = _shorten(day, over)
            freed += removed
            sizes[day] -= removed
        return freed

    def _size(self, day: Path) -> int:
        """What a day takes; read again only when a file has come or gone."""
        changed = day.stat().st_mtime_ns
        known = self._sizes.get(day)
        if known is None or known[0] != changed:
            known = changed, sum(_size_of(path) for path in day.iterdir())
            self._sizes[day] = known
        return known[1]


def _shorten(day: Path, over: int) -> int:
    """Remove a day's first files, until so many bytes are free or none is left."""
    freed = 0
    for path in sorted(day.iterdir()):
        if freed >= over:
            return freed
        freed += _size_of(path)
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a file came meanwhile
        day.rmdir()
    return freed


def _size_of(path: Path) -> int:
    """What a file takes on the disk: small ones take a block."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_blocks * BLOCK_BYTES
    return 0


def _keep_of(folder: Path) -> Keep:
    try:
        return Keep(**json.loads((folder / KEEP_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Keep()


def _is_day(name: str) -> bool:
    with contextlib.suppress(ValueError):
        return date.fromisoformat(name).isoformat() == name
    return False
