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


def value_text(value: Any) -> str:
    """A value of any shape in one line: `0.98`, `0.1 … 0.9 (12 values)`, `x: 1 … 3; y: 2 … 4 (3 rows)`."""
    if isinstance(value, list):
        if len(value) <= 5:
            return clip(f"[{', '.join(map(number, value))}]")
        return clip(f"{number(value[0])} … {number(value[-1])} ({len(value):,} values)")
    if isinstance(value, dict):
        columns = {name: column if isinstance(column, list) else [column] for name, column in value.items()}
        height = max(map(len, columns.values()), default=0)
        told = [f"{name}: {_ends(column)}" for name, column in columns.items()]
        return clip("; ".join(told) + (f" ({height:,} rows)" if height > 1 else ""))
    return number(value)


def _ends(column: list[Any]) -> str:
    return " … ".join(number(value) for value in (column[:1] if len(column) < 2 else [column[0], column[-1]]))


def clip(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= limit else text[:limit] + "…"
