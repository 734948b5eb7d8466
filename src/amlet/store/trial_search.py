"""Trials with what their runs say: looked at in one statement, ordered by the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, func, select, type_coerce

from amlet.domain.sweep import Trial
from amlet.store import labels
from amlet.store.base import MetricSummary, TrialLook, TrialOrder
from amlet.store.blobs import AT_ONCE
from amlet.store.tables import metrics, run_labels, runs, trials

_TRIAL = tuple(trials.c[name] for name in Trial._fields)
_RUN = (runs.c.status, runs.c.attempt, runs.c.started, runs.c.ended)
_SUMMARY = tuple(metrics.c[name] for name in MetricSummary._fields)
_ITS_RUN = (runs.c.workspace_id == bindparam("its_workspace")) & (runs.c.id == trials.c.run_id)
_WITH_RUNS = trials.outerjoin(runs, _ITS_RUN)
_OF_SWEEP = trials.c.sweep == bindparam("its_sweep")

_LOOKS = (
    select(*_TRIAL, *_RUN, *_SUMMARY)
    .select_from(
        _WITH_RUNS.outerjoin(
            metrics, (metrics.c.run == runs.c.seq) & metrics.c.name.in_(bindparam("names", expanding=True))
        )
    )
    .where(_OF_SWEEP)
    .order_by(trials.c.number)
)
_OPEN = _LOOKS.where(trials.c.is_open.is_(True))
_NUMBERED = _LOOKS.where(trials.c.number.in_(bindparam("numbers", expanding=True)))
_STATUSES = select(runs.c.status, func.count()).select_from(_WITH_RUNS).where(_OF_SWEEP).group_by(runs.c.status)


def look(
    connection: Connection, workspace_id: str, sweep: int, names: Sequence[str], numbers: Sequence[int] | None
) -> list[TrialLook]:
    """Trials of these numbers, else those to look after, with these metrics of their runs."""
    values = {"its_workspace": workspace_id, "its_sweep": sweep, "names": list(names)}
    if numbers is None:
        return _read(connection, _OPEN, values)
    ordered, found = sorted(numbers), []
    for start in range(0, len(ordered), AT_ONCE):
        found += _read(connection, _NUMBERED, {**values, "numbers": ordered[start : start + AT_ONCE]})
    return found


def page(
    connection: Connection, workspace_id: str, sweep: int, chosen: TrialOrder, limit: int, offset: int
) -> list[int]:
    """The numbers of trials in an order; those without its value come last, those alike by number."""
    source: Any = _WITH_RUNS
    keys: list[ColumnElement[Any]]
    if chosen.by == "metrics":
        source = source.outerjoin(metrics, (metrics.c.run == runs.c.seq) & (metrics.c.name == chosen.name))
        keys = [metrics.c.min if chosen.is_min else metrics.c.max]
    elif chosen.by == "params":
        label = labels.named(labels.PARAMETERS, chosen.name.lstrip("-"))
        source = source.outerjoin(run_labels, (run_labels.c.run == runs.c.seq) & label)
        keys = [run_labels.c.number, run_labels.c.value]
    elif chosen.by == "duration":
        keys = [type_coerce(runs.c.ended, BigInteger) - type_coerce(runs.c.started, BigInteger)]
    else:
        keys = [runs.c.status if chosen.by == "status" else trials.c.number]
    query = select(trials.c.number).select_from(source).where(_OF_SWEEP)
    if chosen.status is not None:
        query = query.where(runs.c.status == chosen.status)
    for key in keys:  # numbers before texts, and both before what has no value, in either direction
        query = query.order_by(key.is_(None), key.desc() if chosen.descending else key.asc())
    query = query.order_by(trials.c.number).limit(limit).offset(offset)
    return list(connection.execute(query, {"its_workspace": workspace_id, "its_sweep": sweep}).scalars())


def statuses(connection: Connection, workspace_id: str, sweep: int) -> dict[str, int]:
    """How many trials have runs of each status."""
    rows = connection.execute(_STATUSES, {"its_workspace": workspace_id, "its_sweep": sweep})
    return {status: count for status, count in rows if status is not None}


def _read(connection: Connection, query: Select[Any], values: dict[str, Any]) -> list[TrialLook]:
    """One row a metric becomes one look a trial."""
    found: list[TrialLook] = []
    run, metric = len(_TRIAL), len(_TRIAL) + len(_RUN)
    for row in connection.execute(query, values):
        if not found or found[-1].trial.number != row[0]:
            status, attempt, started, ended = row[run:metric]
            found.append(TrialLook(Trial._make(row[:run]), status, attempt or 0, started, ended, {}))
        if row[metric] is not None:
            summary = MetricSummary._make(row[metric:])
            found[-1].logged[summary.name] = summary
    return found
