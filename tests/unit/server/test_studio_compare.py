"""The comparison of runs: what `amlet diff` says, of any number of runs side by side."""

from __future__ import annotations

import math
from typing import Any

import pytest

from amlet.base.errors import InvalidInput
from amlet.domain.artifact import Entry
from amlet.domain.metric import ROW, SCALAR, Point
from amlet.domain.workspace import Workspace
from amlet.server.studio.compare_code import DIFF_LIMIT_BYTES
from amlet.server.studio.compare_view import (
    RUNS_LIMIT,
    Cell,
    Facts,
    RunFacts,
    asked_for,
    compare_values,
)
from amlet.server.studio.metric_reading import Held
from amlet.store.base import MetricSummary
from support.studio import NOW, a_run

CONTENT = {"one": b"a\nb\n", "two": b"a\nc\n"}


def side(number: int, *, metrics: dict[str, list[Any]] | None = None, sources: str = "one", **changes: Any) -> RunFacts:
    changed = {"tags": {}, "properties": {}, "parameters": {}, "target": "local", **changes}
    run = a_run(f"r{number}", **changed)
    points = {
        name: [Point(name, ROW if isinstance(value, dict) else SCALAR, value, None, 0.0) for value in values]
        for name, values in (metrics or {}).items()
    }
    held = {name: Held(some, None, len(some)) for name, some in points.items()}
    summaries = [MetricSummary(name, some[0].kind, len(some), *[None] * 5) for name, some in points.items()]
    return RunFacts(run, None, None, [], [Entry("main.py", sources, 4)], summaries, points, held)


def values(*sides: RunFacts, chosen: tuple[str, ...] = ()) -> dict[str, Any]:
    names = list(dict.fromkeys(summary.name for one in sides for summary in one.summaries))
    facts = Facts(Workspace("ws_1", "s", "g", "n", "local", {}, NOW), [*sides], names, [*chosen])
    asked = asked_for([one.run.id for one in sides], chosen)
    return compare_values(facts, asked, lambda sha256, limit: CONTENT.get(sha256), NOW)


def test_what_differs_in_any_run_is_told_of_every_run() -> None:
    runs = [side(0, parameters={"C": "1", "k": "x"}), side(1, parameters={"C": "1", "k": "y"}), side(2, parameters={})]
    ((title, rows),) = values(*runs)["sections"]
    assert title == "Parameters"
    assert [(row.name, row.cells) for row in rows] == [
        ("C", [Cell("1"), Cell("1"), Cell("", missing=True)]),
        ("k", [Cell("x"), Cell("y"), Cell("", missing=True)]),
    ]


def test_what_only_a_later_run_has_is_missing_in_the_others() -> None:
    ((_, rows),) = values(side(0), side(1), side(2, tags={"team": None}))["sections"]
    assert rows[0].cells == [Cell("", missing=True), Cell("", missing=True), Cell("(no value)")]


def test_every_metric_is_listed_and_those_that_differ_are_marked() -> None:
    one, two = (
        {"a": [1.0], "n": [math.nan], "s": [1.0, 2.0]},
        {"a": [2.0], "n": [math.nan], "s": [1.0, 2.0], "x": ["t"]},
    )
    rows = values(side(0, metrics=one), side(1, metrics=two))["metrics"]
    assert [(row.name, row.differs) for row in rows] == [("a", True), ("n", False), ("s", False), ("x", True)]
    assert rows[2].cells[0].text == "[1, 2]"
    assert rows[3].cells == [Cell("", missing=True), Cell("t")]


def test_rows_of_different_columns_do_not_end_the_comparison() -> None:
    rows = values(side(0, metrics={"r": [{"x": 1}, {"y": 2}]}), side(1, metrics={"r": [{"x": 1}]}))["metrics"]
    assert [row.differs for row in rows] == [True]


def test_series_are_drawn_over_each_other_in_the_runs_colours() -> None:
    runs = [side(0), side(1, metrics={"loss": [2.0, 1.0]}), side(2, metrics={"loss": [3.0, 1.0]})]
    (chosen,) = values(*runs, chosen=("loss",))["chosen"]
    assert [line.tone for line in chosen.plot.lines] == [1, 2]


def test_other_metrics_stand_side_by_side() -> None:
    runs = [side(0), side(1, metrics={"r": [{"x": 1}]})]
    (chosen,) = values(*runs, chosen=("r",))["chosen"]
    assert chosen.plot is None
    assert [len(view.grids) for view in chosen.views] == [0, 1]


def test_the_code_of_two_runs_is_compared_line_by_line() -> None:
    (found,) = values(side(0), side(1, sources="two"))["code"]
    assert [(line.tone, line.text) for line in found.files[0].lines][2:] == [
        ("place", "@@ -1,2 +1,2 @@"),
        ("", " a"),
        ("gone", "-b"),
        ("added", "+c"),
    ]


def test_the_code_of_more_runs_is_named_file_by_file() -> None:
    found = values(side(0), side(1, sources="two"), side(2))["code"]
    assert [(one.run.id, [file.path for file in one.files]) for one in found] == [("r1", ["main.py"])]
    assert found[0].files[0].lines == []


def test_a_large_or_missing_file_is_named_with_the_reason() -> None:
    large = side(1)._replace(sources=[Entry("main.py", "two", DIFF_LIMIT_BYTES + 1)])
    assert "amlet diff" in values(side(0), large)["code"][0].files[0].note
    assert "cannot be read" in values(side(0), side(1, sources="gone"))["code"][0].files[0].note


def test_equal_runs_are_said_to_be_equal() -> None:
    found = values(side(0), side(1))
    assert (found["is_same"], found["sections"], found["code"]) == (True, [], [])


@pytest.mark.parametrize("run_ids", [[], ["a"], ["a", "a"], [str(n) for n in range(RUNS_LIMIT + 1)]])
def test_a_comparison_needs_two_runs_and_not_too_many(run_ids: list[str]) -> None:
    with pytest.raises(InvalidInput, match="from 2 to"):
        asked_for(run_ids, [])
