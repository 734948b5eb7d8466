"""Runs as rows of a table, with some of their metrics as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from amlet.domain.metric import LIST, SCALAR
from amlet.domain.run import Run
from amlet.server.studio.words import number
from amlet.store.base import MetricSummary, Transaction
from amlet.wire import pages

COLUMNS = 3
NAMED_LIMIT = 8
LOOKED_AT = 20
"""Metrics of a run among which the main ones are looked for."""


class RunRow(NamedTuple):
    """A run in a table."""

    run: Run
    href: str
    took_s: float | None
    """None until it began."""
    cells: list[str] = []
    """Of the table's metrics."""


class RunTable(NamedTuple):
    """Runs, and the metrics that are told of each."""

    metrics: list[str]
    rows: list[RunRow]


def run_row(run: Run, now: datetime, cells: Sequence[str] = ()) -> RunRow:
    """One run."""
    took_s = ((run.ended or now) - run.started).total_seconds() if run.started else None
    return RunRow(run, pages.run_page(run.workspace_id, run.experiment, run.id), took_s, [*cells])


def run_table(
    tx: Transaction, workspace_id: str, runs: Sequence[Run], now: datetime, named: Sequence[str] = ()
) -> RunTable:
    """The runs with the metrics that were asked for by name, then with those that most of them have."""
    columns = [*named[:NAMED_LIMIT]]
    if len(columns) < COLUMNS:
        columns += [name for name in _main(tx, workspace_id, runs) if name not in columns][: COLUMNS - len(columns)]
    found = tx.metrics.named(workspace_id, [run.id for run in runs], columns) if columns else {}
    rows = [run_row(run, now, [_cell(found.get(run.id, {}).get(name)) for name in columns]) for run in runs]
    return RunTable(columns, rows)


def _main(tx: Transaction, workspace_id: str, runs: Sequence[Run]) -> list[str]:
    """The numbers that most runs have logged; of equals those that were logged first."""
    seen: Counter[str] = Counter()
    for run in runs:
        seen.update(
            summary.name
            for summary in tx.metrics.summaries(workspace_id, run.id, LOOKED_AT)
            if summary.kind == SCALAR and summary.last is not None
        )
    return [name for name, _ in seen.most_common(COLUMNS + NAMED_LIMIT)]


def _cell(summary: MetricSummary | None) -> str:
    if summary is None:
        return ""
    if summary.last is not None:
        return number(summary.last)
    return "–" if summary.kind in (SCALAR, LIST) else summary.kind.replace("_", " ")  # noqa: RUF001 - no number
