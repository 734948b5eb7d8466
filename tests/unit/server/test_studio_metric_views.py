"""Metrics on a page: single values, series with a chart, small tables, and a limit to all of them."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.domain.metric import LIST, ROW, SCALAR, TABLE, Point
from amlet.server.studio.metric_views import ITEMS_LIMIT, METRICS_LIMIT, ROWS_LIMIT, MetricsView, metrics_view
from amlet.store.base import MetricSummary


def summary(name: str, points: int = 1) -> MetricSummary:
    return MetricSummary(name, SCALAR, points, 1.0, 2.5, 0.5, 9.0, None)


def view(kind: str, *values: Any, steps: bool = False) -> MetricsView:
    points = [Point("m", kind, value, place if steps else None, 0.0) for place, value in enumerate(values)]
    return metrics_view([summary("m", len(points))], {"m": points})


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.97368421, "0.973684"), (3, "3"), ("linear", "linear"), (True, "True"), (None, "None"), (float("nan"), "nan")],
)
def test_a_value_logged_once_is_told_as_it_is(value: object, text: str) -> None:
    (told,) = view(SCALAR, value).values
    assert (told.name, told.text) == ("m", text)


def test_numbers_logged_more_than_once_have_a_chart() -> None:
    (series,) = view(SCALAR, 3.0, 1, 2.5).series
    assert (series.last, series.points, series.low, series.high, series.over) == ("2.5", 3, "1", "3", "")
    assert series.chart is not None


def test_steps_are_told_when_all_values_have_one() -> None:
    (series,) = view(SCALAR, 3.0, 1.0, 2.5, steps=True).series
    assert series.over == "steps 0 to 2"


def test_texts_logged_more_than_once_are_listed_within_a_limit() -> None:
    (told,) = view(SCALAR, *("abc"[place % 3] for place in range(ITEMS_LIMIT + 5))).values
    assert told.text.startswith("a, b, c, ")
    assert told.text.endswith(" and 5 more")


def test_a_list_of_numbers_is_a_series_and_an_empty_one_is_said() -> None:
    assert view(LIST, [1.0, 2.0], [3.0]).series[0].points == 3
    assert view(LIST, []).values[0].text == "[]"


def test_rows_are_a_table_of_their_columns() -> None:
    (grid,) = view(ROW, {"x": 1, "y": "a"}, {"x": 2, "y": "b"}).grids
    assert (grid.columns, grid.rows, grid.rows_left) == (["x", "y"], [["1", "a"], ["2", "b"]], 0)


def test_a_long_table_is_cut_and_says_so() -> None:
    (grid,) = view(TABLE, {"x": list(range(ROWS_LIMIT + 7))}).grids
    assert (len(grid.rows), grid.rows_left) == (ROWS_LIMIT, 7)


def test_rows_that_do_not_fit_together_are_told_in_words() -> None:
    (told,) = view(ROW, {"x": 1}, {"y": 2}).values
    assert "different columns" in told.text


@pytest.mark.parametrize("value", [10**400, "x" * 10_000, "\ud800", {"a": 1}, [1, [2]], b"bytes", float("inf")])
def test_no_value_is_too_strange_for_a_page(value: object) -> None:
    for kind in (SCALAR, LIST, ROW, TABLE):
        found = view(kind, value, value)
        assert sum(len(part) for part in (found.values, found.series, found.grids)) == 1


def test_a_metric_that_was_not_read_is_shown_by_its_summary() -> None:
    (series,) = metrics_view([summary("big", 10_000_000)], {}).series
    assert (series.last, series.points, series.low, series.high, series.chart) == ("2.5", 10_000_000, "0.5", "9", None)


def test_more_metrics_than_a_page_can_show_are_counted() -> None:
    found = metrics_view([summary(f"m{number}") for number in range(METRICS_LIMIT + 3)], {})
    assert (len(found.series), found.left) == (METRICS_LIMIT, 3)
