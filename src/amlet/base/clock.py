"""Time: a port, so that tests can move it, and ISO-8601 text."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from. Safe to call from any thread."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC: for records."""

    def monotonic(self) -> float:
        """Seconds that never go back: for durations and deadlines."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return time.monotonic()


def to_iso(moment: datetime) -> str:
    """`2026-11-23T10:00:00.123456Z`."""
    utc = moment if moment.tzinfo is timezone.utc else moment.astimezone(timezone.utc)
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_iso(text: str) -> datetime:
    """The inverse of `to_iso`; also takes seconds without a fraction and offsets such as `+02:00`.

    Raises:
        ValueError: for anything else, or a time without a zone.
    """
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as a trailing Z")
    return moment.astimezone(timezone.utc)
