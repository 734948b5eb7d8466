"""Cancel a run: at once while nothing runs, else by its node."""

from __future__ import annotations

from datetime import datetime

from amlet.domain import run as runs
from amlet.domain.run import Run
from amlet.domain.sweep import HYPERDRIVE
from amlet.operations.settle import end
from amlet.operations.transitions import SWEEPS, move
from amlet.store.base import Transaction


def cancel(tx: Transaction, workspace_id: str, run_id: str, now: datetime) -> Run:
    """Ask for the end of a run, and of a sweep's trials. One that is over, or ends by itself now, stays as it is."""
    run = tx.runs.get(workspace_id, run_id)
    if run.type == HYPERDRIVE and not run.is_over:
        return _cancel_sweep(tx, run, now)
    if run.is_over or run.status in (runs.CANCEL_REQUESTED, runs.FINALIZING):
        return run
    if tx.leases.find(workspace_id, run_id) is None:
        return end(tx, run, runs.CANCELED, now)
    return move(tx, run, runs.CANCEL_REQUESTED, now)


def _cancel_sweep(tx: Transaction, run: Run, now: datetime) -> Run:
    """The sweep itself is over once its trials are."""
    for trial in tx.sweeps.open_trials(run.workspace_id, run.id):
        cancel(tx, run.workspace_id, trial.run_id, now)
    tx.touch(SWEEPS)
    return run if run.status == runs.CANCEL_REQUESTED else move(tx, run, runs.CANCEL_REQUESTED, now)
