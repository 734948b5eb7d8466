"""A sweep on its run's page: how far it is, the best trial, a table of trials in an order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from amlet.base.errors import InvalidInput
from amlet.domain.run import Run
from amlet.domain.search_space import names_of, read_space
from amlet.domain.sweep import HYPERDRIVE, MAXIMIZE, Standing
from amlet.operations.show_sweep import sweep_details, sweep_trials
from amlet.server.studio.listings import Column
from amlet.server.studio.words import clip, number
from amlet.store.base import Transaction
from amlet.wire import pages
from amlet.wire.sweeps import SweepDetails, TrialQuery

PAGE = 100
COLUMNS = 12
"""Parameters that have a column."""

CELL = 60


class TrialRow(NamedTuple):
    """A trial in the table."""

    number: int
    href: str
    status: str
    stopped_by: str
    took_s: float | None
    cells: list[str]
    """Of the objectives, then of the parameters."""
    is_best: bool


class TrialsView(NamedTuple):
    """What the page shows of a sweep."""

    metric: str
    """The primary one."""
    done: int
    total: int
    counts: list[tuple[str, int]]
    best: TrialRow | None
    best_words: str
    columns: list[Column]
    rows: list[TrialRow]
    first: int
    """The number of the first row that is shown, from 1."""
    found: int
    older: str
    newer: str
    query: str
    """What the address says of the order, for the parts that are fetched anew."""


def read_trials(tx: Transaction, run: Run, asked: Mapping[str, str], now: datetime) -> TrialsView | None:
    """Read a page of a sweep's trials; None for a run that is no sweep.

    An order or a place that there is not is answered as if nothing had been asked for.
    """
    if run.type != HYPERDRIVE or tx.sweeps.find(run.workspace_id, run.id) is None:
        return None
    details = sweep_details(tx, run.workspace_id, run.id)
    order, descending = asked.get("order", ""), asked.get("descending") == "yes"
    if not order:
        order, descending = "metric", details.spec.primary.goal == MAXIMIZE
    place = asked.get("from", "0")
    offset = int(place) if place.isascii() and place.isdigit() and len(place) < 6 else 0
    query = TrialQuery(order[:2000], descending, None, PAGE, offset)
    try:
        page = sweep_trials(tx, run.workspace_id, run.id, query)
    except InvalidInput:
        query = TrialQuery(limit=PAGE)
        page = sweep_trials(tx, run.workspace_id, run.id, query)
    names = names_of(read_space(details.spec.sampling.space))[:COLUMNS]
    best = details.best
    rows = [_row(run, standing, details, names, now) for standing in page.trials]
    return TrialsView(
        metric=details.spec.primary.metric,
        done=details.state.over,
        total=details.spec.max_total_runs,
        counts=sorted(details.statuses.items()),
        best=_row(run, best, details, names, now) if best is not None else None,
        best_words=_words(best) if best is not None else "",
        columns=_columns(details, names, query),
        rows=rows,
        first=query.offset + 1,
        found=page.total,
        older=_href(query, query.offset + PAGE) if query.offset + PAGE < page.total else "",
        newer=_href(query, max(0, query.offset - PAGE)) if query.offset else "",
        query=_href(query, query.offset),
    )


def _columns(details: SweepDetails, names: list[str], query: TrialQuery) -> list[Column]:
    heads = [("Trial", "number"), ("Status", "status"), ("Took", "duration")]
    heads += [(objective.metric, f"metrics.{objective.metric}") for objective in details.spec.objectives]
    heads[3] = (heads[3][0], "metric")
    heads += [(name, f"params.{name}") for name in names]
    columns = []
    for name, order in heads:
        is_here = order == query.order
        turned = not query.descending if is_here else order == "metric" and details.spec.primary.goal == MAXIMIZE
        href = _href(query._replace(order=order, descending=turned), 0) + "#trials"
        how = "" if not is_here else "descending" if query.descending else "ascending"
        columns.append(Column(name, href, how, right=order not in ("number", "status")))
    return columns


def _row(run: Run, standing: Standing, details: SweepDetails, names: list[str], now: datetime) -> TrialRow:
    parameters = standing.trial.parameters
    took_s = ((standing.ended or now) - standing.started).total_seconds() if standing.started else None
    cells = ["" if value is None else number(value) for value in standing.best]
    cells += [_shown(parameters[name]) if name in parameters else "" for name in names]
    best = details.best.trial.number if details.best is not None else None
    href = pages.run_page(run.workspace_id, run.experiment, standing.trial.run_id)
    stopped_by = standing.trial.stopped_by or ""
    is_best = standing.trial.number == best
    return TrialRow(standing.trial.number, href, standing.status, stopped_by, took_s, cells, is_best)


def _words(standing: Standing) -> str:
    return clip(", ".join(f"{name} = {_shown(value)}" for name, value in standing.trial.parameters.items()), 500)


def _shown(value: object) -> str:
    return number(value) if isinstance(value, float) else clip(str(value), CELL)


def _href(query: TrialQuery, offset: int) -> str:
    asked = {"order": query.order, "descending": "yes" if query.descending else "no"}
    if offset:
        asked["from"] = str(offset)
    return "?" + urlencode(asked, errors="replace")
