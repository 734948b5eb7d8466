"""A run's metrics as a page shows them: single values, series with a chart, small tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from amlet.domain.metric import LIST, ROW, SCALAR, TABLE, MalformedMetric, Point, collate
from amlet.server.studio.charts import Chart, as_number, line_chart
from amlet.server.studio.words import number
from amlet.store.base import MetricSummary, Transaction

POINTS_LIMIT = 20_000
"""Points read for one page, over all metrics; beyond, a metric is shown by its summary."""
METRICS_LIMIT = 400
ROWS_LIMIT = 20
COLUMNS_LIMIT = 12
ITEMS_LIMIT = 30


class Value(NamedTuple):
    """A metric that was logged once, or is no number."""

    name: str
    text: str


class Series(NamedTuple):
    """Numbers logged one after another. `chart` is None when there are too many to read for a page."""

    name: str
    last: str
    points: int
    low: str
    high: str
    over: str
    chart: Chart | None


class Grid(NamedTuple):
    """Rows or tables: the first rows and columns, and how many are left out."""

    name: str
    columns: list[str]
    rows: list[list[str]]
    rows_left: int
    columns_left: int


class MetricsView(NamedTuple):
    """All metrics of a run, in the order of their first point."""

    values: list[Value]
    series: list[Series]
    grids: list[Grid]
    left: int
    """Metrics that are not shown."""


def read_points(
    tx: Transaction, workspace_id: str, run_id: str, summaries: Sequence[MetricSummary]
) -> dict[str, list[Point]]:
    """The points that a page can show: all of them when they are few, else those of the smaller metrics."""
    if sum(summary.points for summary in summaries) <= POINTS_LIMIT:
        return tx.metrics.points(workspace_id, run_id)
    found: dict[str, list[Point]] = {}
    left = POINTS_LIMIT
    for summary in sorted(summaries[:METRICS_LIMIT], key=lambda held: held.points):
        if summary.points > left:
            break
        left -= summary.points
        found.update(tx.metrics.points(workspace_id, run_id, summary.name))
    return found


def metrics_view(summaries: Sequence[MetricSummary], points: Mapping[str, Sequence[Point]]) -> MetricsView:
    """Shape metrics for a page.

    Args:
        summaries: All metrics of the run.
        points: The points of those that were read, by metric.
    """
    view = MetricsView([], [], [], max(0, len(summaries) - METRICS_LIMIT))
    for summary in summaries[:METRICS_LIMIT]:
        held = points.get(summary.name)
        if not held:
            view.series.append(_summed(summary))
        elif held[0].kind in (ROW, TABLE):
            _add_grid(view, summary.name, held)
        else:
            _add_values(view, summary.name, held)
    return view


def _summed(summary: MetricSummary) -> Series:
    return Series(
        summary.name, _told(summary.last), summary.points, _told(summary.min), _told(summary.max), "", chart=None
    )


def _told(value: float | None) -> str:
    return "–" if value is None else number(value)  # noqa: RUF001 - a dash where there is no number


def _add_values(view: MetricsView, name: str, points: Sequence[Point]) -> None:
    values: list[Any] = []
    steps: list[int | None] = []
    for point in points:
        items = point.value if point.kind == LIST and isinstance(point.value, list) else [point.value]
        values.extend(items)
        steps.extend([point.step] * len(items))
    numbers = [as_number(value) for value in values]
    if len(values) < 2 or all(value is None for value in numbers):
        shown = ", ".join(number(value) for value in values[:ITEMS_LIMIT])
        more = len(values) - ITEMS_LIMIT
        view.values.append(Value(name, f"{shown} and {more:,} more" if more > 0 else shown or "[]"))
        return
    by_step = all(step is not None for step in steps) and all(point.kind == SCALAR for point in points)
    xs = [float(step or 0) for step in steps] if by_step else [float(place) for place in range(len(values))]
    chart = line_chart(xs, numbers)
    view.series.append(
        Series(
            name,
            number(values[-1]),
            len(values),
            _told(chart.low if chart else None),
            _told(chart.high if chart else None),
            f"steps {chart.x_from:.0f} to {chart.x_to:.0f}" if chart and by_step else "",
            chart,
        )
    )


def _add_grid(view: MetricsView, name: str, points: Sequence[Point]) -> None:
    try:
        found = collate(points)
    except MalformedMetric as error:
        view.values.append(Value(name, error.message))
        return
    columns = {str(column): cells if isinstance(cells, list) else [cells] for column, cells in found.items()}
    shown = list(columns)[:COLUMNS_LIMIT]
    height = max((len(cells) for cells in columns.values()), default=0)
    rows = [
        [number(columns[column][row]) if row < len(columns[column]) else "" for column in shown]
        for row in range(min(height, ROWS_LIMIT))
    ]
    view.grids.append(Grid(name, shown, rows, max(0, height - ROWS_LIMIT), len(columns) - len(shown)))
