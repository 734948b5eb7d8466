"""Plots with axes, as shapes for an SVG: lines, bars and whiskers in one frame, with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from amlet.server.studio.charts import finite, share, stretches, thinned

TONES = 10
"""Colours of lines; the sheet has as many."""
WIDE = (720, 260)
SQUARE = (340, 280)
HISTOGRAM_BINS = 500

_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 12, 44
_TICKS = 5


class Tick(NamedTuple):
    """A mark at an axis: where, in pixels, and its text."""

    at: str
    text: str


class Line(NamedTuple):
    """A polyline; one point alone is drawn as a dot by its round ends."""

    tone: int
    points: str
    lone: bool


class Box(NamedTuple):
    """A bar."""

    tone: int
    x: str
    y: str
    width: str
    height: str


class Plot(NamedTuple):
    """A drawing of width by height; `frame` is left, top, right and bottom of its inside."""

    width: int
    height: int
    frame: tuple[int, int, int, int]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_title: str
    y_title: str
    lines: list[Line] = []
    boxes: list[Box] = []
    guides: list[str] = []
    """Dashed lines behind the others."""
    whiskers: list[str] = []


class Curve(NamedTuple):
    """Values over positions, in the order in which they are joined; None leaves a gap."""

    tone: int
    xs: Sequence[float]
    ys: Sequence[float | None]


def curves_plot(curves: Sequence[Curve], x_title: str, y_title: str) -> Plot | None:
    """Series over steps or places; None when no value is finite. Points are joined in the order of their positions."""
    pairs = [
        (curve.tone, sorted(zip(curve.xs, map(finite, curve.ys), strict=True), key=lambda point: point[0]))
        for curve in curves
    ]
    drawn = [(x, y) for _, points in pairs for x, y in points if y is not None and math.isfinite(x)]
    if not drawn:
        return None
    canvas = _Canvas(WIDE, [x for x, _ in drawn], [y for _, y in drawn])
    lines = [
        canvas.line(tone, thinned(stretch, canvas.x_low, canvas.x_high, WIDE[0]))
        for tone, points in pairs
        for stretch in stretches(points)
    ]
    return canvas.plot(x_title, y_title)._replace(lines=lines)


def unit_plot(curves: Sequence[Curve], x_title: str, y_title: str, *, diagonal: bool) -> Plot:
    """Curves within the unit square, joined as they are given: ROC, precision over recall."""
    canvas = _Canvas(SQUARE, [0.0, 1.0], [0.0, 1.0])
    lines = []
    for curve in curves:
        points = [(x, y) for x, y in zip(curve.xs, curve.ys, strict=True) if y is not None]
        if points:
            lines.append(canvas.line(curve.tone, points))
    guides = [canvas.text([(0.0, 0.0), (1.0, 1.0)])] if diagonal else []
    return canvas.plot(x_title, y_title)._replace(lines=lines, guides=guides)


def histogram(edges: Sequence[float], counts: Sequence[float], x_title: str, y_title: str) -> Plot | None:
    """Counts over bins.

    Args:
        edges: One more than counts; a bin that is not finite or ends before it begins is left out.
    """
    bins = [
        (low, high, count)
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
        if math.isfinite(low) and math.isfinite(high) and math.isfinite(count) and low <= high
    ][:HISTOGRAM_BINS]
    if not bins:
        return None
    canvas = _Canvas(
        WIDE, [x for low, high, _ in bins for x in (low, high)], [0.0, *(count for *_, count in bins)], padded=False
    )
    return canvas.plot(x_title, y_title)._replace(boxes=[canvas.box(0, *one) for one in bins])


def predictions_plot(
    edges: Sequence[float], averages: Sequence[float], errors: Sequence[float], x_title: str, y_title: str
) -> Plot | None:
    """The mean prediction of each bin of true values, with whiskers of its error and the line of perfect ones."""
    points = []
    for low, high, average, error in zip(edges, edges[1:], averages, errors, strict=False):
        middle = low / 2 + high / 2
        if math.isfinite(middle) and math.isfinite(average):
            points.append((middle, average, abs(error) if math.isfinite(error) else 0.0))
    points = sorted(points)[:HISTOGRAM_BINS]
    if not points:
        return None
    xs = [x for x, *_ in points]
    ys = [end for _, y, error in points for end in (y - error, y + error) if math.isfinite(end)] + [
        y for _, y, _ in points
    ]
    canvas = _Canvas(WIDE, xs, ys)
    low, high = max(canvas.x_low, canvas.y_low), min(canvas.x_high, canvas.y_high)
    return canvas.plot(x_title, y_title)._replace(
        lines=[canvas.line(0, [(x, y) for x, y, _ in points])],
        guides=[canvas.text([(low, low), (high, high)])] if low < high else [],
        whiskers=[
            canvas.text([(x, y - error), (x, y + error)])
            for x, y, error in points
            if error > 0 and math.isfinite(y - error) and math.isfinite(y + error)
        ],
    )


def ticks(low: float, high: float) -> list[float]:
    """A handful of round numbers from low to high."""
    span = high - low
    rough = span / _TICKS
    if not math.isfinite(span) or rough <= 1e-300:  # next to nothing, or too small to be divided again
        return [low] if low == high else [low, high]
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next((unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough), unit * 10)
    first = math.ceil(low / step)
    found = [(first + number) * step for number in range(2 * _TICKS + 2)]
    found = [value for value in found if low <= value <= high]
    return found if len(found) > 1 else [low, high]


def short(value: float) -> str:
    """A number beside an axis."""
    if value == 0:
        return "0"
    size = abs(value)
    if 1e4 <= size < 1e6 and value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4g}"


class _Canvas:
    """Numbers to pixels."""

    def __init__(self, size: tuple[int, int], xs: Sequence[float], ys: Sequence[float], *, padded: bool = True) -> None:
        self._width, self._height = size
        self.x_low, self.x_high = min(xs), max(xs)
        self.y_low, self.y_high = min(ys), max(ys)
        if padded and self.y_low == self.y_high:  # a level line lies in the middle
            room = abs(self.y_low) / 10 or 1.0
            self.y_low, self.y_high = (_bounded(self.y_low - room), _bounded(self.y_high + room))

    def plot(self, x_title: str, y_title: str) -> Plot:
        frame = (_LEFT, _TOP, self._width - _RIGHT, self._height - _BOTTOM)
        x_ticks = [Tick(self._x(value), short(value)) for value in ticks(self.x_low, self.x_high)]
        y_ticks = [Tick(self._y(value), short(value)) for value in ticks(self.y_low, self.y_high)]
        return Plot(self._width, self._height, frame, x_ticks, y_ticks, x_title, y_title)

    def line(self, tone: int, points: Sequence[tuple[float, float]]) -> Line:
        ends = points if len(points) > 1 else [*points, *points]
        return Line(tone % TONES, self.text(ends), lone=len(points) == 1)

    def text(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{self._x(x)},{self._y(y)}" for x, y in points)

    def box(self, tone: int, low: float, high: float, count: float) -> Box:
        left, right = float(self._x(low)), float(self._x(high))
        top, bottom = sorted((float(self._y(count)), float(self._y(0.0))))
        return Box(tone, f"{left:.1f}", f"{top:.1f}", f"{max(1.0, right - left - 1):.1f}", f"{bottom - top:.1f}")

    def _x(self, x: float) -> str:
        return f"{_LEFT + _within(share(x, self.x_low, self.x_high)) * (self._width - _LEFT - _RIGHT):.1f}"

    def _y(self, y: float) -> str:
        inside = self._height - _TOP - _BOTTOM
        return f"{_TOP + (1 - _within(share(y, self.y_low, self.y_high))) * inside:.1f}"


def _within(part: float) -> float:
    return min(1.0, max(0.0, part))


def _bounded(value: float) -> float:
    return value if math.isfinite(value) else math.copysign(1.7e308, value)
