"""Charts: all that is finite is drawn, peaks stay, and the drawing is small."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from amlet.server.studio.charts import HEIGHT, WIDTH, as_number, line_chart

MANY = 100_000


def places(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in line.split(" "))]


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    chart = line_chart([0, 1, 2], [1.0, 2.0, 3.0])
    assert chart is not None
    (line,) = chart.lines
    first, _, last = places(line)
    assert first[0] < last[0]
    assert first[1] > last[1]
    assert (chart.low, chart.high, chart.x_from, chart.x_to) == (1.0, 3.0, 0, 2)


def test_points_are_drawn_in_the_order_of_their_steps() -> None:
    shuffled, ordered = line_chart([2, 0, 1], [3.0, 1.0, 2.0]), line_chart([0, 1, 2], [1.0, 2.0, 3.0])
    assert shuffled == ordered


def test_nan_and_infinities_leave_a_gap_and_a_lone_point_is_a_dot() -> None:
    chart = line_chart(range(6), [1.0, 2.0, math.nan, 5.0, math.inf, None])
    assert chart is not None
    assert (len(chart.lines), len(chart.dots)) == (1, 1)
    assert chart.high == 5.0


def test_nothing_finite_is_no_chart() -> None:
    assert line_chart([0, 1], [math.nan, None]) is None
    assert line_chart([], []) is None


def test_a_single_peak_among_many_points_is_still_there() -> None:
    ys = [0.0] * MANY
    ys[54_321] = 1.0
    chart = line_chart(range(MANY), ys)
    assert chart is not None
    drawn = places(chart.lines[0])
    assert len(drawn) <= 4 * WIDTH
    assert min(y for _, y in drawn) < HEIGHT / 4


@given(st.lists(st.floats() | st.none(), max_size=50))
def test_whatever_was_logged_lies_inside_the_chart(ys: list[float | None]) -> None:
    chart = line_chart(range(len(ys)), ys)
    for line in chart.lines if chart else []:
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places(line))


def test_only_numbers_that_a_float_can_hold_are_drawn() -> None:
    assert [as_number(value) for value in (1, 2.5, True, "3", None, 10**400, [1])] == [1.0, 2.5, *[None] * 5]
