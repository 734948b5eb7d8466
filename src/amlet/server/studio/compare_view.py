"""The comparison of two and more runs: every metric beside each other, and what else differs, as `amlet diff` says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from amlet.base.errors import InvalidInput, NotFound
from amlet.domain.artifact import Entry
from amlet.domain.comparison import (
    LEFT,
    RIGHT,
    Comparison,
    Difference,
    Side,
    compare,
    files_of,
    mark_of,
    packages_of,
)
from amlet.domain.environment import Lock
from amlet.domain.job import Job
from amlet.domain.metric import SCALAR, MalformedMetric, Point, collate, file_of
from amlet.domain.run import PACKAGES, Run
from amlet.domain.workspace import Workspace
from amlet.server.studio.compare_code import code_differences
from amlet.server.studio.metric_reading import METRICS_LIMIT, Held, read_metrics
from amlet.server.studio.metric_views import MetricsView, Numbers, metrics_view, numbers_of
from amlet.server.studio.plots import TONES, Curve, Plot, curves_plot
from amlet.server.studio.run_files import Fetch, RunFiles
from amlet.server.studio.run_rows import run_row
from amlet.server.studio.sources import read_snapshot
from amlet.server.studio.words import number, value_text
from amlet.store.base import FileRecord, MetricSummary, Transaction

RUNS_LIMIT = TONES
"""As many as there are colours to tell them apart."""
CHOSEN_LIMIT = 24
CHOSEN_AT_FIRST = 4
VALUES_LIMIT = 20_000
"""Points of all runs' metrics that are compared one by one; longer metrics are compared by their summaries."""
PACKAGES_LIMIT_BYTES = 1 << 20


class Asked(NamedTuple):
    """Which runs; which metrics are to be shown large, the first few when none is named."""

    run_ids: list[str]
    metrics: list[str]


class RunFacts(NamedTuple):
    """The records of one run."""

    run: Run
    job: Job | None
    lock: Lock | None
    files: list[FileRecord]
    sources: list[Entry]
    summaries: list[MetricSummary]
    values: dict[str, list[Point]]
    """Of the metrics that are compared point by point."""
    held: dict[str, Held]
    """Of the chosen metrics."""


class Facts(NamedTuple):
    """The records behind the page."""

    workspace: Workspace
    runs: list[RunFacts]
    names: list[str]
    """Of all metrics of all runs, as they come."""
    chosen: list[str]


class Cell(NamedTuple):
    text: str
    missing: bool = False


class CompareRow(NamedTuple):
    """One thing of every run."""

    name: str
    cells: list[Cell]
    differs: bool


class Chosen(NamedTuple):
    """A chosen metric: one plot for all runs, or what each run has of it."""

    name: str
    plot: Plot | None
    views: list[MetricsView]
    """One a run; empty where there is a plot."""


def asked_for(run_ids: Sequence[str], metrics: Sequence[str]) -> Asked:
    """What a page's query asks for.

    Raises:
        InvalidInput: for less than two runs, or too many.
    """
    unique = list(dict.fromkeys(run_ids))
    if not 2 <= len(unique) <= RUNS_LIMIT:
        raise InvalidInput(
            f"A comparison needs from 2 to {RUNS_LIMIT} different runs; these are {len(unique)}.",
            hint="tick runs in the list of runs, then press Compare.",
        )
    return Asked(unique, list(dict.fromkeys(metrics))[:CHOSEN_LIMIT])


def read_runs(tx: Transaction, workspace_id: str, asked: Asked) -> Facts:
    """Read all of it but the files.

    Raises:
        NotFound: if a run is not there.
    """
    workspace = tx.workspaces.get(workspace_id)
    runs = [tx.runs.get(workspace_id, run_id) for run_id in asked.run_ids]
    summaries = [tx.metrics.summaries(workspace_id, run.id, METRICS_LIMIT) for run in runs]
    names = list(dict.fromkeys(summary.name for held in summaries for summary in held))
    chosen = [name for name in asked.metrics if name in names] or _first_chosen(summaries, names)
    compared = _compared_by_points(summaries)
    return Facts(
        workspace,
        [_read_run(tx, run, held, compared, chosen) for run, held in zip(runs, summaries, strict=True)],
        names,
        chosen,
    )


def compare_values(facts: Facts, asked: Asked, fetch: Fetch, now: datetime) -> dict[str, Any]:
    """The template's values. Blocks: files that are compared are read."""
    files = [RunFiles(held.run, held.files, fetch) for held in facts.runs]
    sides = [_side(held, one) for held, one in zip(facts.runs, files, strict=True)]
    comparisons = [compare(sides[0], side) for side in sides[1:]]
    return {
        "workspace": facts.workspace,
        "asked": asked,
        "rows": [run_row(held.run, now) for held in facts.runs],
        "names": facts.names,
        "chosen_names": facts.chosen,
        "chosen": [_chosen(name, facts.runs, files) for name in facts.chosen],
        "metrics": _metric_rows(facts.names, sides, [comparison.metrics for comparison in comparisons]),
        "sections": _sections(comparisons),
        "code": code_differences([held.run for held in facts.runs], comparisons, fetch),
        "is_same": all(comparison.is_empty for comparison in comparisons),
    }


def _first_chosen(summaries: Sequence[Sequence[MetricSummary]], names: Sequence[str]) -> list[str]:
    """Metrics with more than one value in any run."""
    rich = {one.name for held in summaries for one in held if one.points > 1 or one.kind != SCALAR}
    return [name for name in names if name in rich][:CHOSEN_AT_FIRST]


def _compared_by_points(summaries: Sequence[Sequence[MetricSummary]]) -> set[str]:
    """Metrics that are few enough in all runs together; the same ones of every run, so that equal ones are equal."""
    points: dict[str, int] = {}
    for held in summaries:
        for summary in held:
            points[summary.name] = points.get(summary.name, 0) + summary.points
    left = VALUES_LIMIT
    found = set()
    for name in sorted(points, key=points.__getitem__):
        left -= points[name]
        if left < 0:
            break
        found.add(name)
    return found


def _read_run(
    tx: Transaction, run: Run, summaries: list[MetricSummary], compared: set[str], chosen: Sequence[str]
) -> RunFacts:
    try:
        job = tx.runs.job(run.workspace_id, run.id)
    except NotFound:  # an interactive run has none
        job = None
    wanted = [summary for summary in summaries if summary.name in chosen]
    snapshot = read_snapshot(tx, run)
    return RunFacts(
        run,
        job,
        tx.locks.get(run.lock_id) if run.lock_id else None,
        tx.files.list(run.workspace_id, run.id),
        snapshot.entries if snapshot else [],
        summaries,
        _points(tx, run, summaries, compared),
        read_metrics(tx, run.workspace_id, run.id, wanted) if wanted else {},
    )


def _points(
    tx: Transaction, run: Run, summaries: Sequence[MetricSummary], compared: set[str]
) -> dict[str, list[Point]]:
    if sum(summary.points for summary in summaries) <= VALUES_LIMIT:
        found = tx.metrics.points(run.workspace_id, run.id)
        return {name: points for name, points in found.items() if name in compared}
    found = {}
    for summary in summaries:
        if summary.name in compared:
            found.update(tx.metrics.points(run.workspace_id, run.id, summary.name))
    return found


def _side(held: RunFacts, files: RunFiles) -> Side:
    metrics = {summary.name: _value(summary, held.values.get(summary.name)) for summary in held.summaries}
    listed = files.read(PACKAGES, PACKAGES_LIMIT_BYTES) if held.lock is None else None
    marks = {}
    for path in files_of(metrics):
        record = files.find(path)
        if record is not None and record.sha256 is not None:
            marks[path] = mark_of(record.sha256, record.size_bytes)
    packages = packages_of((listed or b"").decode("utf-8", "replace"))
    return Side(held.run, held.job, held.lock, metrics, packages, held.sources, marks)


def _value(summary: MetricSummary, points: Sequence[Point] | None) -> Any:
    if not points:
        low, high = (number(one) if one is not None else "?" for one in (summary.min, summary.max))
        last = number(summary.last) if summary.last is not None else "?"
        return f"{last} ({summary.points:,} values, {low} to {high})"
    try:
        return collate(points)
    except MalformedMetric:
        return [point.value for point in points]


def _metric_rows(
    names: Sequence[str], sides: Sequence[Side], differences: Sequence[Sequence[Difference]]
) -> list[CompareRow]:
    different = {one.name for held in differences for one in held}
    return [
        CompareRow(
            name,
            [
                Cell(_shown(side, side.metrics[name])) if name in side.metrics else Cell("", missing=True)
                for side in sides
            ],
            name in different,
        )
        for name in names
    ]


def _shown(side: Side, value: Any) -> str:
    place = file_of(value)
    return value_text(value if place is None else side.file_marks.get(place[1], value))


def _sections(comparisons: Sequence[Comparison]) -> list[tuple[str, list[CompareRow]]]:
    """What differs but the metrics and the code, titled, in the order of `amlet diff`."""
    found = []
    for parts in zip(*(comparison.sections for comparison in comparisons), strict=True):
        title = parts[0][0]
        rows = _rows([differences for _, differences in parts])
        if rows and title != "Metrics":
            found.append((title, rows))
    return found


def _rows(parts: Sequence[Sequence[Difference]]) -> list[CompareRow]:
    """Differences of every other run from the first one, side by side."""
    by_name = [{one.name: one for one in differences} for differences in parts]
    rows = []
    for name in sorted({name for held in by_name for name in held}):
        known = next(held[name] for held in by_name if name in held)
        first = Cell("", missing=True) if known.only == RIGHT else Cell(_told(known.left))
        others = [_right(held[name]) if name in held else first for held in by_name]
        rows.append(CompareRow(name, [first, *others], differs=True))
    return rows


def _right(one: Difference) -> Cell:
    return Cell("", missing=True) if one.only == LEFT else Cell(_told(one.right))


def _told(value: Any) -> str:
    return "(no value)" if value is None else value_text(value)


def _chosen(name: str, runs: Sequence[RunFacts], files: Sequence[RunFiles]) -> Chosen:
    numbers = [numbers_of(run.held[name]) if name in run.held else None for run in runs]
    told = [(tone, one) for tone, one in enumerate(numbers) if one is not None]
    if told:
        return Chosen(name, _overlaid(told), [])
    views = []
    for run, one in zip(runs, files, strict=True):
        summaries = [summary for summary in run.summaries if summary.name == name]
        views.append(metrics_view(summaries, run.held, one))
    return Chosen(name, None, views)


def _overlaid(told: Sequence[tuple[int, Numbers]]) -> Plot | None:
    by_step = all(one.steps is not None for _, one in told)
    curves = [Curve(tone, one.steps if by_step and one.steps else one.places, one.values) for tone, one in told]
    return curves_plot(curves, "step" if by_step else "number", "")
