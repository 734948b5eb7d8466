"""Charts: a metric of millions of points thinned out to what can be drawn.

Every full chunk keeps, beside its points, the extremes of its stretches of `STRETCH` points, so that a chart of a long
metric reads a hundredth of it. Minimum and maximum of each part keep a curve's shape; NaN and infinities are kept
apart, the first of each kind in a part, since one of them would hide all numbers beside it.
"""

from __future__ import annotations

import math
import struct
from array import array
from bisect import bisect_left
from typing import Any, cast

from amlet.domain.metric import KINDS, SCALAR
from amlet.store.chunks import CHUNK_POINTS, Columns, pack, unpack
from amlet.wire.runs import Chart

STRETCH = 256
EXACT_CHUNKS = 64
"""A metric of so few chunks is read whole: that takes 50 ms."""

_COUNT = struct.Struct("<H")
_SCALAR = KINDS.index(SCALAR)


class Drawable:
    """The points of a metric that can be drawn, scalars that are numbers, by column in log order."""

    def __init__(self) -> None:
        self.index: list[int] = []
        self.value: list[float] = []
        self.step: list[int | None] = []
        self.time_s: list[float] = []

    def add_chunk(self, number: int, columns: Columns) -> None:
        """All such points of a chunk."""
        start = number * CHUNK_POINTS
        values = numbers_of(columns)
        if None in values:
            for place, value in enumerate(values):
                if value is not None:
                    self._add(start + place, value, columns.steps[place], columns.times[place])
            return
        self.index += range(start, start + len(values))
        self.value += cast("list[float]", values)
        self.step += columns.steps
        self.time_s += columns.times

    def add_extremes(self, number: int, packed: bytes) -> None:
        """The extremes of a chunk."""
        (count,) = _COUNT.unpack_from(packed)
        start, end = number * CHUNK_POINTS, _COUNT.size + 2 * count
        self.index += [start + place for place in struct.unpack_from(f"<{count}H", packed, _COUNT.size)]
        if count:
            columns = unpack(packed[end:])
            self.value += columns.values
            self.step += columns.steps
            self.time_s += columns.times

    def chart(self, total: int, points: int) -> Chart:
        """What to draw: all, when they are few; else first, last and the extremes of as many parts as fit."""
        wanted = max(2, 2 * points)
        if len(self.index) <= wanted:
            return Chart(self.index, self.value, self.step, self.time_s, total)
        odd = {repr(value) for value in self.value if not math.isfinite(value)}
        parts = max(1, wanted // (2 + len(odd)))
        kept = {0, len(self.index) - 1}
        start = 0
        for part in range(1, parts + 1):
            end = bisect_left(self.index, -(-total * part // parts), lo=start)
            kept.update(_extremes(self.value, start, end))
            start = end
        places = sorted(kept)
        return Chart(
            [self.index[place] for place in places],
            [self.value[place] for place in places],
            [self.step[place] for place in places],
            [self.time_s[place] for place in places],
            total,
        )

    def _add(self, index: int, value: float, step: int | None, time_s: float) -> None:
        self.index.append(index)
        self.value.append(value)
        self.step.append(step)
        self.time_s.append(time_s)


def extremes_of(columns: Columns) -> bytes:
    """First, last and the extremes of each stretch of a full chunk, for `Drawable.add_extremes`."""
    values = numbers_of(columns)
    offsets = [place for place, value in enumerate(values) if value is not None]
    numbers = [value for value in values if value is not None]
    kept = {0, len(numbers) - 1} if numbers else set()
    start = 0
    for limit in range(STRETCH, len(columns) + STRETCH, STRETCH):
        end = bisect_left(offsets, limit, lo=start)
        kept.update(_extremes(numbers, start, end))
        start = end
    places = sorted(kept)
    chosen = [offsets[place] for place in places]
    head = _COUNT.pack(len(chosen)) + struct.pack(f"<{len(chosen)}H", *chosen)
    if not chosen:
        return head
    picked = Columns(
        bytes([_SCALAR]) * len(chosen),
        array("d", [columns.times[place] for place in chosen]),
        [columns.steps[place] for place in chosen],
        [numbers[place] for place in places],
    )
    return head + pack(picked)


def numbers_of(columns: Columns) -> list[float | None]:
    """The values as floats; None for what is no scalar or no number. A bool is none, a whole number may become inf."""
    if columns.kinds.count(_SCALAR) == len(columns) and set(map(type, columns.values)) == {float}:
        return columns.values
    return [
        _number(value) if kind == _SCALAR else None for kind, value in zip(columns.kinds, columns.values, strict=True)
    ]


def _extremes(values: list[float], start: int, end: int) -> set[int]:
    """The places of the least and greatest number, and of the first NaN and the first of each infinity."""
    if start >= end:
        return set()
    part = values[start:end]
    if math.isfinite(sum(part)):
        return {start + part.index(min(part)), start + part.index(max(part))}
    finite = [place for place, value in enumerate(part) if math.isfinite(value)]
    kept: dict[str, int] = {}
    for place, value in enumerate(part):
        if not math.isfinite(value):
            kept.setdefault(repr(value), start + place)
    found = set(kept.values())
    if finite:
        found.add(start + min(finite, key=part.__getitem__))
        found.add(start + max(finite, key=part.__getitem__))
    return found


def _number(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
