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
    points = sorted(zip(xs, (finite(y) for y in ys), strict=True), key=lambda point: point[0])
    values = [y for _, y in points if y is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    x_from, x_to = points[0][0], points[-1][0]
    lines: list[str] = []
    dots: list[tuple[str, str]] = []
    for stretch in stretches(points):
        drawn = [
            (_place(x, x_from, x_to, WIDTH), f"{HEIGHT - float(_place(y, low, high, HEIGHT)):.1f}")
            for x, y in thinned(stretch, x_from, x_to, WIDTH)
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


def finite(y: float | None) -> float | None:
    """The number itself; None for NaN and the infinities."""
    return y if y is not None and math.isfinite(y) else None


def stretches(points: Sequence[tuple[float, float | None]]) -> Iterator[list[tuple[float, float]]]:
    """The points between gaps."""
    stretch: list[tuple[float, float]] = []
    for x, y in points:
        if y is not None:
            stretch.append((x, y))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def thinned(stretch: list[tuple[float, float]], x_from: float, x_to: float, columns: int) -> list[tuple[float, float]]:
    """The first, least, greatest and last point of every column of pixels: peaks stay."""
    if len(stretch) <= 2 * columns:
        return stretch
    held: dict[int, list[tuple[float, float]]] = {}
    for point in stretch:
        held.setdefault(int(share(point[0], x_from, x_to) * columns), []).append(point)
    kept: list[tuple[float, float]] = []
    for column in held.values():
        extremes = {column[0], min(column, key=lambda p: p[1]), max(column, key=lambda p: p[1]), column[-1]}
        kept.extend(sorted(extremes))
    return kept


def share(value: float, low: float, high: float) -> float:
    """How far a value lies on the way from low to high, from 0 to 1; the middle where there is no way."""
    # Halves first: the difference of two finite numbers may be infinite.
    span = high / 2 - low / 2
    return (value / 2 - low / 2) / span if span > 0 else 0.5


def _place(value: float, low: float, high: float, length: int) -> str:
    return f"{MARGIN + share(value, low, high) * (length - 2 * MARGIN):.1f}"
