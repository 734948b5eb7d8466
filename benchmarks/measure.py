"""Interleaved pairs, their medians and spreads, and the bar that a figure is held to."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

PAIRS = 5


class Bar(NamedTuple):
    """What is asked of a figure; each part that is None asks nothing."""

    ratio: float | None = None
    """Our median over the floor's."""
    ours: float | None = None
    """Our median, in the figure's unit."""
    over: float | None = None
    """Our median less the floor's, in the figure's unit."""
    at_least: float | None = None
    """Our median where more is better, in the figure's unit."""
    ratio_at_least: float | None = None
    """Our median over the floor's, where more is better."""

    def text(self, unit: str) -> str:
        """The bar in words, for a reader of the line."""
        parts = []
        if self.ours is not None:
            parts.append(f"ours <= {self.ours:g} {unit}")
        if self.over is not None:
            parts.append(f"ours - floor <= {self.over:g} {unit}")
        if self.ratio is not None:
            parts.append(f"ratio <= {self.ratio:g}")
        if self.at_least is not None:
            parts.append(f"ours >= {self.at_least:g} {unit}")
        if self.ratio_at_least is not None:
            parts.append(f"ratio >= {self.ratio_at_least:g}")
        return ", ".join(parts)

    def holds(self, ours: float, floor: float) -> bool:
        """Whether medians are within it."""
        most = ((self.ratio, ours / floor), (self.ours, ours), (self.over, ours - floor))
        least = ((self.at_least, ours), (self.ratio_at_least, ours / floor))
        return all(limit is None or value <= limit for limit, value in most) and all(
            limit is None or value >= limit for limit, value in least
        )


class Figure(NamedTuple):
    """One measured figure."""

    name: str
    unit: str
    ours: Sequence[float]
    floor: str
    """What the other side does."""
    floor_values: Sequence[float]
    bar: Bar
    is_peer: bool = False
    """The other side does the same work, where a floor does the least of it."""
    note: str = ""

    @property
    def ok(self) -> bool:
        return self.bar.holds(statistics.median(self.ours), statistics.median(self.floor_values))

    def line(self) -> dict[str, object]:
        """The figure as it is printed."""
        ours, floor = statistics.median(self.ours), statistics.median(self.floor_values)
        told: dict[str, object] = {
            "name": self.name,
            "ours": _rounded(ours),
            "unit": self.unit,
            "peer" if self.is_peer else "floor": self.floor,
            "floor_value": _rounded(floor),
            "ratio": _rounded(ours / floor),
            "bar": self.bar.text(self.unit) or None,
            "ok": self.ok,
            "ours_spread": [_rounded(min(self.ours)), _rounded(max(self.ours))],
            "floor_spread": [_rounded(min(self.floor_values)), _rounded(max(self.floor_values))],
            "pairs": len(self.ours),
            "machine": machine(),
        }
        if self.note:
            told["note"] = self.note
        return told


class Told(NamedTuple):
    """A figure of another program, as it printed it."""

    told: dict[str, object]

    @property
    def ok(self) -> bool:
        return bool(self.told["ok"])

    def line(self) -> dict[str, object]:
        """The figure as it was printed, with what it was measured on."""
        return {**self.told, "machine": machine()}


def interleaved(
    ours: Callable[[], float], floor: Callable[[], float], *, pairs: int = PAIRS, warm: bool = True
) -> tuple[list[float], list[float]]:
    """Measure both sides by turns, so that what else the machine does falls on both.

    Args:
        ours: Does the work once and returns its figure.
        warm: One pair before those that count: byte code, page cache, a build at hand.
    """
    if warm:
        ours()
        floor()
    first, second = [], []
    for _ in range(pairs):
        first.append(ours())
        second.append(floor())
    return first, second


def timed_ms(work: Callable[[], object]) -> float:
    """How long it takes, in ms."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def pss_mb(process_id: int) -> float:
    """The share of a process in the machine's memory, in 10^6 bytes."""
    for line in Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"the kernel tells no PSS of process {process_id}")


def machine() -> str:
    """What was measured on."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass
    return f"{len(os.sched_getaffinity(0))} x {cpu}, Python {platform.python_version()}"


def _rounded(value: float) -> float:
    """Three or four digits that count, whatever the size."""
    return float(f"{value:.4g}")
