"""What is read of a run's metrics for a page: all of few points; of many, charts and beginnings, within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from amlet.domain.metric import ARTIFACTS, LIST, SCALAR, Point
from amlet.store.base import MetricSummary, Transaction
from amlet.wire.runs import Chart

METRICS_LIMIT = 400
POINTS_LIMIT = 20_000
"""Points of all metrics that are read whole; beyond, each is thinned or cut."""
CHART_POINTS = 600
WORK_LIMIT = 1_500_000
"""What one page may cost, in points that are read one by one: about 300 ms."""
BEGINNING = 40
LATEST = 4
"""Of images and the like the last ones are shown."""

_WHOLE_CHUNKS_POINTS = 64 * 4096
_LONG_SHARE = 8
"""Of longer metrics the store reads only extremes: each point costs so many times less."""


class Held(NamedTuple):
    """What was read of a metric: its points, or some; or a chart of its numbers.

    Attributes:
        points: All, or the first; of artifacts the last.
        chart: The numbers thinned out, in place of points.
        total: How many points there are.
    """

    points: list[Point]
    chart: Chart | None
    total: int


def read_metrics(
    tx: Transaction, workspace_id: str, run_id: str, summaries: Sequence[MetricSummary]
) -> dict[str, Held]:
    """What a page can show of these metrics. One that is not in it would have been too dear."""
    if sum(summary.points for summary in summaries) <= POINTS_LIMIT:
        return _whole(tx, workspace_id, run_id, summaries)
    left = WORK_LIMIT
    found: dict[str, Held] = {}
    for summary in sorted(summaries[:METRICS_LIMIT], key=lambda one: one.points):
        work = _work(summary)
        if work > left:
            continue
        left -= work
        found[summary.name] = _part(tx, workspace_id, run_id, summary)
    return found


def _whole(tx: Transaction, workspace_id: str, run_id: str, summaries: Sequence[MetricSummary]) -> dict[str, Held]:
    wanted = {summary.name: summary.points for summary in summaries}
    if len(wanted) <= LATEST:
        points: dict[str, list[Point]] = {}
        for name in wanted:
            points.update(tx.metrics.points(workspace_id, run_id, name))
    else:
        points = tx.metrics.points(workspace_id, run_id)
    return {name: Held(points[name], None, len(points[name])) for name in wanted if name in points}


def _part(tx: Transaction, workspace_id: str, run_id: str, summary: MetricSummary) -> Held:
    if summary.kind == SCALAR:
        chart = tx.metrics.chart(workspace_id, run_id, summary.name, CHART_POINTS)
        if chart.value:
            return Held([], chart, summary.points)
    start = max(0, summary.points - LATEST) if summary.kind in ARTIFACTS else 0
    points = tx.metrics.stretch(workspace_id, run_id, summary.name, start, BEGINNING)
    return Held(points, None, summary.points)


def _work(summary: MetricSummary) -> int:
    if summary.kind not in (SCALAR, LIST):
        return min(summary.points, 4096)
    return summary.points if summary.points <= _WHOLE_CHUNKS_POINTS else summary.points // _LONG_SHARE
