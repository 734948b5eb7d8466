"""The page of one metric: its curve with axes, and all of its values in pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import urlencode

from amlet.base.errors import NotFound
from amlet.domain.metric import ARTIFACTS, Point
from amlet.domain.run import Run
from amlet.domain.workspace import Workspace
from amlet.server.studio.cursors import count_of
from amlet.server.studio.metric_reading import Held, read_metrics
from amlet.server.studio.metric_views import Item, item_of, numbers_of, rows_of
from amlet.server.studio.plots import Curve, Plot, curves_plot
from amlet.server.studio.run_files import RunFiles
from amlet.server.studio.words import number
from amlet.store.base import FileRecord, MetricSummary, Transaction
from amlet.wire import pages

PAGE_ROWS = 100
PAGE_ITEMS = 12
COLUMNS_LIMIT = 60


class MetricFacts(NamedTuple):
    """The records behind the page."""

    workspace: Workspace
    run: Run
    summary: MetricSummary
    held: Held | None
    start: int
    """The place of the first of `points` in the metric."""
    skipped: int
    """Rows of the first point that were on the page before."""
    points: list[Point]
    files: list[FileRecord]


class ValueRow(NamedTuple):
    """A row of a table of values: its point's number, step and time, then its cells."""

    place: int
    step: str
    time: datetime | None
    cells: list[str]


class MetricView(NamedTuple):
    """What the page shows: rows, or items for files."""

    name: str
    kind: str
    points: int
    plot: Plot | None
    columns: list[str]
    columns_left: int
    rows: list[ValueRow]
    has_steps: bool
    items: list[tuple[ValueRow, Item]]
    first: str | None
    back: str | None
    on: str | None


def read_metric(tx: Transaction, workspace_id: str, run_id: str, query: Mapping[str, str]) -> MetricFacts:
    """Read a page of a metric.

    Raises:
        NotFound: if the run has no such metric.
        InvalidInput: for a place that is none.
    """
    name = query.get("name", "")
    workspace = tx.workspaces.get(workspace_id)
    run = tx.runs.get(workspace_id, run_id)
    summary = tx.metrics.named(workspace_id, [run_id], [name]).get(run_id, {}).get(name)
    if summary is None:
        raise NotFound(f"Run {run_id} has no metric {name[:300]!r}.", hint="its page shows all it logged.")
    start, skipped = count_of(query, "from"), count_of(query, "row")
    points = tx.metrics.stretch(workspace_id, run_id, name, start, PAGE_ROWS + 1)
    artifacts = summary.kind in ARTIFACTS
    return MetricFacts(
        workspace,
        run,
        summary,
        None if artifacts else read_metrics(tx, workspace_id, run_id, [summary]).get(name),
        start,
        skipped,
        points,
        tx.files.list(workspace_id, run_id) if any(point.kind in ARTIFACTS for point in points) else [],
    )


def metric_view(facts: MetricFacts, files: RunFiles) -> MetricView:
    """Shape the page."""
    summary, run = facts.summary, facts.run
    if facts.points and facts.points[0].kind in ARTIFACTS:
        shown = facts.points[:PAGE_ITEMS]
        items = [(_row(facts.start + n, point, []), item_of(point, files)) for n, point in enumerate(shown)]
        following = (facts.start + len(shown), 0) if len(facts.points) > len(shown) else None
        columns: list[str] = []
        rows: list[ValueRow] = []
        left, step = 0, PAGE_ITEMS
    else:
        items, step = [], PAGE_ROWS
        columns, left, rows, following = _rows(facts)
    here = pages.metric_page(run.workspace_id, run.experiment, run.id, summary.name)
    at_start = not facts.start and not facts.skipped
    before = (facts.start, max(0, facts.skipped - PAGE_ROWS)) if facts.skipped else (max(0, facts.start - step), 0)
    return MetricView(
        summary.name,
        summary.kind,
        summary.points,
        _plot(facts.held),
        columns,
        left,
        rows,
        any(row.step for row in rows),
        items,
        None if at_start else here,
        None if at_start else _place(here, *before),
        _place(here, *following) if following else None,
    )


def _rows(facts: MetricFacts) -> tuple[list[str], int, list[ValueRow], tuple[int, int] | None]:
    found: list[tuple[int, Point, dict[str | None, Any]]] = []
    following: tuple[int, int] | None = None
    for n, point in enumerate(facts.points):
        for m, row in enumerate(rows_of(point)):
            if n == 0 and m < facts.skipped:
                continue
            if len(found) == PAGE_ROWS:
                following = (facts.start + n, m)
                break
            found.append((facts.start + n, point, row))
        if following:
            break
    else:
        end = facts.start + len(facts.points)
        following = (end, 0) if facts.points and end < facts.summary.points else None
    columns = list(dict.fromkeys(column for *_, row in found for column in row))
    shown = columns[:COLUMNS_LIMIT]
    rows = [
        _row(place, point, [number(row[column]) if column in row else "" for column in shown])
        for place, point, row in found
    ]
    return ["value" if column is None else column for column in shown], len(columns) - len(shown), rows, following


def _row(place: int, point: Point, cells: list[str]) -> ValueRow:
    try:
        when = datetime.fromtimestamp(point.time_s, timezone.utc)
    except (ValueError, OverflowError, OSError, TypeError):  # a script may write any time into its journal
        when = None
    return ValueRow(place, "" if point.step is None else str(point.step), when, cells)


def _plot(held: Held | None) -> Plot | None:
    numbers = numbers_of(held) if held else None
    if numbers is None:
        return None
    title = "step" if numbers.steps else "number"
    return curves_plot([Curve(0, numbers.steps or numbers.places, numbers.values)], title, "")


def _place(here: str, start: int, row: int) -> str:
    told = {"from": start, **({"row": row} if row else {})}
    return f"{here}&{urlencode(told)}" if start or row else here
