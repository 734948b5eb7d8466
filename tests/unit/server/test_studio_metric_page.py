"""The page of one metric: every value is on one of its pages, once."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from amlet.base.errors import InvalidInput
from amlet.domain.metric import LIST, ROW, SCALAR, TABLE, Point
from amlet.domain.workspace import Workspace
from amlet.server.studio.cursors import count_of
from amlet.server.studio.metric_page import PAGE_ROWS, MetricFacts, MetricView, metric_view
from amlet.server.studio.metric_reading import Held
from amlet.server.studio.run_files import RunFiles
from amlet.store.base import MetricSummary
from support.studio import NOW, a_run

RUN = a_run("r1")


def page(points: list[Point], start: int = 0, skipped: int = 0) -> MetricView:
    workspace = Workspace("ws_1", "s", "g", "n", "local", {}, NOW)
    summary = MetricSummary("m", points[-1].kind, len(points), *[None] * 5)
    read = points[start : start + PAGE_ROWS + 1]
    facts = MetricFacts(workspace, RUN, summary, Held(points, None, len(points)), start, skipped, read, [])
    return metric_view(facts, RunFiles(RUN, [], lambda sha256, limit: None))


def logged(kind: str, values: list[Any]) -> list[Point]:
    return [Point("m", kind, value, place, 1e9) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("points", "count"),
    [
        (logged(SCALAR, list(range(250))), 250),
        (logged(SCALAR, list(range(PAGE_ROWS))), PAGE_ROWS),
        (logged(LIST, [list(range(70)), [], list(range(70, 330))]), 330),
        (logged(ROW, [{"x": place} for place in range(101)]), 101),
        (logged(TABLE, [{"x": list(range(220)), "y": 1}, {"x": [220, 221]}]), 222),
        (logged(LIST, [[]]), 0),
    ],
    ids=["scalars", "a full page", "lists", "rows", "tables", "nothing"],
)
def test_going_on_shows_every_value_once_in_order(points: list[Point], count: int) -> None:
    shown: list[str] = []
    at = {"from": 0, "row": 0}
    for _ in range(10):
        view = page(points, at["from"], at["row"])
        assert len(view.rows) <= PAGE_ROWS
        shown += [row.cells[0] for row in view.rows]
        if view.on is None:
            break
        query = {name: values[0] for name, values in parse_qs(urlsplit(view.on).query).items()}
        at = {"from": count_of(query, "from"), "row": count_of(query, "row")}
    assert shown == [str(value) for value in range(count)]


def test_the_first_page_leads_nowhere_back_and_later_ones_do() -> None:
    points = logged(SCALAR, list(range(250)))
    assert (page(points).first, page(points).back) == (None, None)
    later = page(points, 200)
    assert later.back == "/w/ws_1/e/r1/r/r1/metric?name=m&from=100"
    assert later.on is None


def test_a_series_is_drawn_with_its_steps_and_a_table_is_not() -> None:
    plot = page(logged(SCALAR, [1.0, 2.0])).plot
    assert plot is not None
    assert plot.x_title == "step"
    assert page(logged(ROW, [{"x": 1}, {"x": 2}])).plot is None


@pytest.mark.parametrize("time_s", [float("nan"), 1e300, -1e300, "no"])
def test_a_time_that_is_none_does_not_end_the_page(time_s: Any) -> None:
    assert page([Point("m", SCALAR, 1, None, time_s)]).rows[0].time is None


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "9" * 40, "\u0661"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        count_of({"from": text}, "from")
