"""Cancel a run: at once while nothing runs, else by its node."""

from __future__ import annotations

from datetime import datetime

from amlet.domain import run as runs
from amlet.domain.run import Run
from amlet.operations.settle import end
from amlet.operations.transitions import move
from amlet.store.base import Transaction


def cancel(tx: Transaction, workspace_id: str, run_id: str, now: datetime) -> Run:
    """Ask for the end of a run. One that is over, or ends by itself now, stays as it is."""
    run = tx.runs.get(workspace_id, run_id)
    if run.is_over or run.status in (runs.CANCEL_REQUESTED, runs.FINALIZING):
        return run
    if tx.leases.find(workspace_id, run_id) is None:
        return end(tx, run, runs.CANCELED, now)
    return move(tx, run, runs.CANCEL_REQUESTED, now)
