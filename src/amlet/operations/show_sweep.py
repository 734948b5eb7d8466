"""What is told of a sweep: how it stands, its trials in an order."""

from __future__ import annotations

from amlet.base.errors import InvalidInput
from amlet.operations.submit_sweep import find_sweep
from amlet.operations.trials import best_trial, by_metric, front_of, standings
from amlet.store.base import SweepRecord, Transaction, TrialOrder
from amlet.wire.sweeps import DecisionQuery, Decisions, SweepDetails, TrialPage, TrialQuery

PAGE_LIMIT = 1000
ORDERS = "number, status, duration, metric, metrics.<name> or params.<name>"


def sweep_details(tx: Transaction, workspace_id: str, run_id: str) -> SweepDetails:
    """A sweep and how it stands."""
    sweep = find_sweep(tx, workspace_id, run_id)
    many = len(sweep.spec.objectives) > 1
    front = front_of(sweep.spec, standings(tx, sweep, range(sweep.state.drawn))) if many else []
    statuses = tx.sweeps.statuses(workspace_id, run_id)
    run = tx.runs.get(workspace_id, run_id)
    return SweepDetails(run, sweep.spec, sweep.state, statuses, best_trial(tx, sweep), front)


def sweep_trials(tx: Transaction, workspace_id: str, run_id: str, asked: TrialQuery) -> TrialPage:
    """A page of a sweep's trials.

    Raises:
        InvalidInput: for an order that there is not, or a limit out of range.
    """
    if not 1 <= asked.limit <= PAGE_LIMIT or asked.offset < 0:
        raise InvalidInput(f"limit must be from 1 to {PAGE_LIMIT} and offset 0 or more.")
    sweep = find_sweep(tx, workspace_id, run_id)
    numbers = tx.sweeps.page(workspace_id, run_id, _order(sweep, asked), asked.limit, asked.offset)
    statuses = tx.sweeps.statuses(workspace_id, run_id)
    total = sum(statuses.values()) if asked.status is None else statuses.get(asked.status, 0)
    return TrialPage(standings(tx, sweep, numbers), total)


def sweep_decisions(tx: Transaction, workspace_id: str, run_id: str, asked: DecisionQuery) -> Decisions:
    """The last decisions of a sweep's policy, or those before them."""
    find_sweep(tx, workspace_id, run_id)
    if not 1 <= asked.limit <= 10 * PAGE_LIMIT or asked.skip < 0:
        raise InvalidInput(f"limit must be from 1 to {10 * PAGE_LIMIT} and skip 0 or more.")
    return Decisions(tx.sweeps.decisions(workspace_id, run_id, asked.run_id, asked.limit, asked.skip))


def _order(sweep: SweepRecord, asked: TrialQuery) -> TrialOrder:
    objectives = {objective.metric: objective for objective in reversed(sweep.spec.objectives)}
    kind, _, name = asked.order.partition(".")
    if asked.order in ("number", "status", "duration"):
        return TrialOrder(asked.order, descending=asked.descending, status=asked.status)
    if kind == "params" and name:
        return TrialOrder(kind, name, descending=asked.descending, status=asked.status)
    objective = sweep.spec.primary if asked.order == "metric" else objectives.get(name) if kind == "metrics" else None
    if objective is None:
        raise InvalidInput(f"Trials cannot be ordered by {asked.order[:100]!r}.", hint=f"order by {ORDERS}.")
    return by_metric(objective, descending=asked.descending, status=asked.status)
