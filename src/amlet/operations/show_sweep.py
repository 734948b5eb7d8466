"""What is told of a sweep: how it stands, its trials in an order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from amlet.base.errors import InvalidInput
from amlet.domain.sweep import Standing
from amlet.operations.submit_sweep import find_sweep
from amlet.operations.trials import best_standing, front_of, standings
from amlet.store.base import SweepRecord, Transaction
from amlet.wire.sweeps import DecisionQuery, Decisions, SweepDetails, TrialPage, TrialQuery

PAGE_LIMIT = 1000
ORDERS = "number, status, duration, metric, metrics.<name> or params.<name>"


def sweep_details(tx: Transaction, workspace_id: str, run_id: str) -> SweepDetails:
    """A sweep and how it stands."""
    sweep = find_sweep(tx, workspace_id, run_id)
    told = standings(tx, sweep, tx.sweeps.trials(workspace_id, run_id))
    front = front_of(sweep.spec, told) if len(sweep.spec.objectives) > 1 else []
    statuses = dict(Counter(standing.status for standing in told))
    run = tx.runs.get(workspace_id, run_id)
    return SweepDetails(run, sweep.spec, sweep.state, statuses, best_standing(sweep.spec, told), front)


def sweep_trials(tx: Transaction, workspace_id: str, run_id: str, asked: TrialQuery) -> TrialPage:
    """A page of a sweep's trials.

    Raises:
        InvalidInput: for an order that there is not, or a limit out of range.
    """
    if not 1 <= asked.limit <= PAGE_LIMIT or asked.offset < 0:
        raise InvalidInput(f"limit must be from 1 to {PAGE_LIMIT} and offset 0 or more.")
    sweep = find_sweep(tx, workspace_id, run_id)
    value = _order(sweep, asked.order)
    told = standings(tx, sweep, tx.sweeps.trials(workspace_id, run_id))
    told = [standing for standing in told if asked.status in (None, standing.status)]
    having = [standing for standing in told if value(standing) is not None]
    having.sort(key=lambda standing: _sortable(value(standing)), reverse=asked.descending)
    ordered = having + [standing for standing in told if value(standing) is None]
    return TrialPage(ordered[asked.offset : asked.offset + asked.limit], len(told))


def sweep_decisions(tx: Transaction, workspace_id: str, run_id: str, asked: DecisionQuery) -> Decisions:
    """The last decisions of a sweep's policy."""
    find_sweep(tx, workspace_id, run_id)
    limit = max(1, min(asked.limit, 10 * PAGE_LIMIT))
    return Decisions(tx.sweeps.decisions(workspace_id, run_id, asked.run_id, limit))


def _order(sweep: SweepRecord, order: str) -> Callable[[Standing], Any]:
    if order == "number":
        return lambda standing: standing.trial.number
    if order == "status":
        return lambda standing: standing.status
    if order == "duration":
        return _duration
    if order == "metric":
        return lambda standing: standing.best[0]
    kind, _, name = order.partition(".")
    if kind == "params" and name:
        return lambda standing: standing.trial.parameters.get(name)
    names = [objective.metric for objective in sweep.spec.objectives]
    if kind == "metrics" and name in names:
        return lambda standing: standing.best[names.index(name)]
    raise InvalidInput(f"Trials cannot be ordered by {order[:100]!r}.", hint=f"order by {ORDERS}.")


def _duration(standing: Standing) -> float | None:
    if standing.started is None or standing.ended is None:
        return None
    return (standing.ended - standing.started).total_seconds()


def _sortable(value: Any) -> tuple[int, Any]:
    """Numbers before texts before all else, so that a column of several kinds has an order."""
    if isinstance(value, (int, float)):
        return 0, value
    return (1, value) if isinstance(value, str) else (2, repr(value))
