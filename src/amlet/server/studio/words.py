"""Values, durations and statuses as the pages show them."""

from __future__ import annotations

from typing import Any

from amlet.base.units import human_seconds
from amlet.domain import run as runs
from amlet.domain import service as services

TEXT_LIMIT = 500

_TONES = {
    runs.COMPLETED: "good",
    runs.FAILED: "bad",
    runs.CANCELED: "over",
    runs.CANCEL_REQUESTED: "wait",
    runs.RUNNING: "busy",
    runs.FINALIZING: "busy",
    services.HEALTHY: "good",
    services.UNHEALTHY: "bad",
    services.TRANSITIONING: "busy",
}


def tone(status: str) -> str:
    """The colour's name of a run's status or a service's state; what has not begun waits."""
    return _TONES.get(status, "wait")


def duration(seconds: float) -> str:
    """`12 ms`, `39.9 s`, `2 min 5 s`. A clock that was set back never makes it negative."""
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 59.95 else human_seconds(max(seconds, 60.0))


def number(value: Any) -> str:
    """A logged value in few characters: six digits of a float, a text as it is, within a limit."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return clip(str(value))


def clip(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= limit else text[:limit] + "…"
