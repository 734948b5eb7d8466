"""Plots: whatever the numbers are, everything lies inside the drawing, and axes bear round numbers."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from amlet.server.studio.plots import (
    Curve,
    Plot,
    curves_plot,
    histogram,
    predictions_plot,
    short,
    ticks,
    unit_plot,
)

FLOATS = st.lists(st.floats(), max_size=12)


def places(plot: Plot) -> list[tuple[float, float]]:
    """All that is drawn."""
    texts = [*(line.points for line in plot.lines), *plot.guides, *plot.whiskers]
    found = [(float(x), float(y)) for text in texts for x, y in (point.split(",") for point in text.split(" "))]
    for box in plot.boxes:
        x, y, width, height = map(float, (box.x, box.y, box.width, box.height))
        found += [(x, y), (x + width - 1, y + height)]
    return found


def inside(plot: Plot | None) -> bool:
    if plot is None:
        return True
    left, top, right, bottom = plot.frame
    marks = [(float(tick.at), left, right) for tick in plot.x_ticks]
    marks += [(float(tick.at), top, bottom) for tick in plot.y_ticks]
    return all(left - 1 <= x <= right + 1 and top - 1 <= y <= bottom + 1 for x, y in places(plot)) and all(
        low - 1 <= at <= high + 1 for at, low, high in marks
    )


@given(FLOATS, FLOATS)
def test_whatever_is_drawn_lies_inside(one: list[float], other: list[float]) -> None:
    steps = [float(place) for place in range(12)]
    assert inside(curves_plot([Curve(0, steps[: len(one)], one), Curve(13, steps[: len(other)], other)], "x", "y"))
    assert inside(histogram(sorted(one), other, "x", "y"))
    assert inside(histogram(one, other, "x", "y"))
    assert inside(predictions_plot(one, other, one, "x", "y"))


def test_two_curves_share_their_axes() -> None:
    plot = curves_plot([Curve(0, [0, 1], [0.0, 1.0]), Curve(1, [0, 1], [9.0, 10.0])], "step", "")
    assert plot is not None
    assert [line.tone for line in plot.lines] == [0, 1]
    assert [tick.text for tick in plot.y_ticks] == ["0", "2", "4", "6", "8", "10"]


def test_nothing_finite_is_no_plot() -> None:
    assert curves_plot([Curve(0, [0.0, 1.0], [math.nan, None])], "", "") is None
    assert curves_plot([], "", "") is None
    assert histogram([0.0, math.inf], [1.0], "", "") is None
    assert predictions_plot([0.0, 1.0], [math.nan], [1.0], "", "") is None


def test_a_point_alone_is_drawn_as_a_dot() -> None:
    plot = curves_plot([Curve(0, [5.0], [2.0])], "", "")
    assert plot is not None
    assert [line.lone for line in plot.lines] == [True]


def test_a_curve_in_the_unit_square_keeps_its_order() -> None:
    plot = unit_plot([Curve(0, [1.0, 0.0, 0.5], [1.0, 0.0, 0.5])], "", "", diagonal=True)
    first, second, third = places(plot._replace(guides=[]))
    assert second[0] < third[0] < first[0]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_ticks_are_a_handful_between_the_ends(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = ticks(low, high)
    assert 1 <= len(found) <= 12
    assert all(low <= value <= high for value in found)


def test_ticks_stand_at_round_numbers() -> None:
    assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    assert ticks(-7.0, 119.0) == [0, 50, 100]
    assert [short(value) for value in (0.0, 12_000.0, 0.6000000000000001, 1e-9, 2.5e8)] == [
        "0",
        "12,000",
        "0.6",
        "1e-09",
        "2.5e+08",
    ]
