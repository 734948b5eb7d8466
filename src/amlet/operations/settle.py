"""The end of an attempt: its outputs are recorded, then the status is settled, in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from amlet.artifacts.logs import LogFolder
from amlet.base.errors import InvalidInput
from amlet.domain import run as runs
from amlet.domain.run import Run, RunError
from amlet.operations.collect import is_behind, settle_files
from amlet.operations.datasets import settle_outputs
from amlet.operations.gang import completed
from amlet.operations.lease import LEASE_S, current
from amlet.operations.retry import try_again
from amlet.operations.transitions import RECONCILE, enter_queue, move, moved, queue_topic, save
from amlet.store.base import Transaction
from amlet.wire.nodes import SettleAnswer, SettleAttempt

LATEST_S = 24 * 3600.0
"""A node may bring the end of a script so late, when the server was away."""


def finalizing(tx: Transaction, workspace_id: str, run_id: str, attempt: int, now: datetime) -> None:
    """The script has ended; its outputs follow. Saying so twice changes nothing."""
    run = current(tx, workspace_id, run_id, attempt)
    if run.status == runs.RUNNING:
        move(tx, run, runs.FINALIZING, now)


def settle_all(
    tx: Transaction, logs: LogFolder, workspace_id: str, run_id: str, asked: SettleAttempt, now: datetime
) -> SettleAnswer:
    """Record the last of the logs and metrics, then the outputs and the end, see `settle`."""
    run = tx.runs.get(workspace_id, run_id)
    if run.is_current(asked.attempt) and is_behind(tx, logs, run, asked):
        return SettleAnswer([], behind=True)
    return settle(tx, workspace_id, run_id, asked, now)


def settle(tx: Transaction, workspace_id: str, run_id: str, asked: SettleAttempt, now: datetime) -> SettleAnswer:
    """Record the outputs and the end.

    Settling the same attempt twice changes nothing. When blobs are missing, nothing is recorded.

    Raises:
        StaleAttempt: if another attempt took its place.
    """
    run = tx.runs.get(workspace_id, run_id)
    if run.is_over and run.attempt == asked.attempt:
        return SettleAnswer([])
    run = current(tx, workspace_id, run_id, asked.attempt)
    if asked.outcome not in runs.TERMINAL:
        raise InvalidInput(f"{asked.outcome!r} does not end a run.", hint="use Completed, Failed or Canceled.")
    asked = completed(tx, run, asked)
    missing = settle_files(tx, run, asked.outputs, collected=asked.collected)
    if missing:
        return SettleAnswer(missing)
    run = run._replace(warnings=[*run.warnings, *asked.warnings])
    if run.status in (runs.QUEUED, runs.RUNNING) and runs.allows(runs.FINALIZING, asked.outcome):
        # The script ended a little before this call. What follows keeps the record.
        ended = now - timedelta(seconds=min(max(0.0, asked.ended_s), LATEST_S))
        ended = min(now, max(ended, run.stages[-1].started))
        run = moved(run, runs.RUNNING, ended) if run.status == runs.QUEUED else run
        run = moved(run, runs.FINALIZING, ended)
    outcome = runs.CANCELED if run.status == runs.CANCEL_REQUESTED and asked.exit_code != 0 else asked.outcome
    error = None if outcome == runs.CANCELED else asked.error
    if error is not None and error.code == "UserError" and error.type is None and run.error is not None:
        error = run.error._replace(exit_code=error.exit_code)  # what `run.fail` said tells more than an exit code
    if outcome == runs.FAILED and error is not None:
        code = asked.exit_code if asked.exit_code is not None else error.exit_code
        if try_again(tx, run, error, now, exit_code=code, is_scripts=not asked.is_nodes_fault):
            wake_nodes(tx, run)
            return SettleAnswer([])
    if outcome == runs.COMPLETED:
        settle_outputs(tx, run, tx.runs.job(workspace_id, run_id), now)
    end(tx, run, outcome, now, error)
    return SettleAnswer([])


def end(tx: Transaction, run: Run, outcome: str, now: datetime, error: RunError | None = None) -> Run:
    """Settle the status, let the lease go, and wake those who wait for the node."""
    run = move(tx, run, outcome, now, error=error)
    tx.leases.end(run.workspace_id, run.id)
    wake_nodes(tx, run)
    return run


def wake_nodes(tx: Transaction, run: Run) -> None:
    """A run has let its node go: other runs, also of other targets on the same machine, may have its place."""
    for pool in {run.pool, *(node.pool for node in tx.nodes.list())}:
        tx.touch(queue_topic(pool))
    tx.touch(RECONCILE)


def lose(tx: Transaction, run: Run, node: str, now: datetime) -> None:
    """A node has not renewed its lease: queue the run again if its script had not begun, else retry or fail it."""
    if run.status == runs.QUEUED:
        tx.leases.end(run.workspace_id, run.id)
        enter_queue(tx, save(tx, run._replace(waiting_for=f"node {node} was lost before the script began")))
        return
    if run.status == runs.CANCEL_REQUESTED:
        end(tx, run, runs.CANCELED, now)
        return
    text = f"Node {node} was lost while the script ran: it did not answer for {LEASE_S:.0f} s."
    error = RunError("SystemError", text)
    if try_again(tx, run, error, now, exit_code=None, is_scripts=False):
        wake_nodes(tx, run)
    else:
        end(tx, run, runs.FAILED, now, error)
