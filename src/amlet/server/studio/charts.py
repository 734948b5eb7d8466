"""Line charts as points of an SVG polyline: a few hundred points at most, whatever was logged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

WIDTH = 320
HEIGHT = 88
MARGIN = 4


class Chart(NamedTuple):
    """A chart of WIDTH by HEIGHT; each line is a text for `points=`, a gap lies between two lines.

    `dots` are points without neighbours, which no line would show. `low` and `high` are the least and greatest value.
    """

    lines: list[str]
    dots: list[tuple[str, str]]
    low: float
    high: float
    x_from: float
    x_to: float


def line_chart(xs: Sequence[float], ys: Sequence[float | None]) -> Chart | None:
    """Draw values over positions.

    Args:
        xs: Positions, in any order; as many as values.
        ys: Values; None, NaN and infinities leave a gap.

    Returns:
        The chart, or None when no value is finite.
    """
    points = sorted(zip(xs, (_finite(y) for y in ys), strict=True), key=lambda point: point[0])
    values = [y for _, y in points if y is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    x_from, x_to = points[0][0], points[-1][0]
    lines: list[str] = []
    dots: list[tuple[str, str]] = []
    for stretch in _stretches(points):
        drawn = [
            (_place(x, x_from, x_to, WIDTH), f"{HEIGHT - float(_place(y, low, high, HEIGHT)):.1f}")
            for x, y in _thin(stretch, x_from, x_to)
        ]
        if len(drawn) == 1:
            dots.append(drawn[0])
        else:
            lines.append(" ".join(f"{x},{y}" for x, y in drawn))
    return Chart(lines, dots, low, high, x_from, x_to)


def as_number(value: object) -> float | None:
    """A value that can be drawn: a number that is no boolean and not too large for a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _finite(y: float | None) -> float | None:
    return y if y is not None and math.isfinite(y) else None


def _stretches(points: Sequence[tuple[float, float | None]]) -> Iterator[list[tuple[float, float]]]:
    stretch: list[tuple[float, float]] = []
    for x, y in points:
        if y is not None:
            stretch.append((x, y))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _thin(stretch: list[tuple[float, float]], x_from: float, x_to: float) -> list[tuple[float, float]]:
    """The first, least, greatest and last point of every column of pixels: peaks stay."""
    if len(stretch) <= 2 * WIDTH:
        return stretch
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in stretch:
        columns.setdefault(int(float(_place(point[0], x_from, x_to, WIDTH))), []).append(point)
    kept: list[tuple[float, float]] = []
    for held in columns.values():
        extremes = {held[0], min(held, key=lambda p: p[1]), max(held, key=lambda p: p[1]), held[-1]}
        kept.extend(sorted(extremes))
    return kept


def _place(value: float, low: float, high: float, length: int) -> str:
    # Halves first: the difference of two finite numbers may be infinite.
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.5
    return f"{MARGIN + share * (length - 2 * MARGIN):.1f}"
