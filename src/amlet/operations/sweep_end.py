"""How a sweep ends: when all of its trials are over, or when no more are to be drawn."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from amlet.artifacts.logs import LogFolder
from amlet.domain import run as runs
from amlet.domain.run import Run, RunError, RunWarning
from amlet.operations.cancel import cancel
from amlet.operations.settle import end
from amlet.operations.sweep_log import say
from amlet.operations.transitions import save
from amlet.store.base import SweepRecord, Transaction

FIRST_FAILURES = 10
"""A sweep whose first trials, so many, all failed draws no more."""


def stopped(tx: Transaction, sweep: SweepRecord, why: str, now: datetime, *, fails: bool = False) -> SweepRecord:
    """Draw no more trials, and cancel those that go on."""
    for trial in tx.sweeps.open_trials(sweep.workspace_id, sweep.run_id):
        cancel(tx, sweep.workspace_id, trial.run_id, now)
    return sweep._replace(state=sweep.state._replace(stopping=why, is_failing=fails))


def stop(tx: Transaction, logs: LogFolder, key: tuple[str, str], why: str, now: datetime, *, fails: bool) -> None:
    """The same, kept."""
    sweep = tx.sweeps.find(*key)
    if sweep is not None and sweep.is_open and sweep.state.stopping is None:
        tx.sweeps.save(stopped(tx, sweep, why, now, fails=fails))
        say(tx, logs, sweep, "CONTROLLER", why, now)


def end_sweep(tx: Transaction, logs: LogFolder, sweep: SweepRecord, parent: Run, now: datetime) -> None:
    """Settle the sweep's own run, none of whose trials goes on."""
    state = sweep.state
    all_failed = state.over > 0 and state.failed == state.over
    error = None
    if parent.status == runs.CANCEL_REQUESTED:
        outcome = runs.CANCELED
    elif state.is_failing or all_failed:
        outcome = runs.FAILED
        why = state.stopping or f"All {state.over} trials failed: {common_error(tx, sweep)}"
        error = RunError("UserError" if all_failed else "SystemError", why)
    else:
        outcome = runs.COMPLETED
    if state.stopping is not None and error is None and outcome == runs.COMPLETED:
        parent = parent._replace(warnings=[*parent.warnings, RunWarning("sweep", state.stopping)])
    properties = {"best_metric_status": "Completed" if state.best_run else "Failed"}
    if state.best_run is not None:
        properties |= {"score": repr(state.best_value), "best_child_run_id": state.best_run}
    said = f"The sweep is {outcome}: {state.drawn} trials, {state.failed} failed"
    if state.best_value is not None:
        said += f", best {state.best_run} with {sweep.spec.primary.metric} {state.best_value:g}"
    say(tx, logs, sweep, "CONTROLLER", said, now)
    parent = tx.runs.get(parent.workspace_id, parent.id)._replace(warnings=parent.warnings)  # the log saved it
    parent = save(tx, parent._replace(properties={**parent.properties, **properties}))
    end(tx, parent, outcome, now, error)
    tx.sweeps.save(sweep._replace(is_open=False))


def common_error(tx: Transaction, sweep: SweepRecord) -> str:
    """The error that most of the failed trials ended with."""
    ids = [trial.run_id for trial in tx.sweeps.trials(sweep.workspace_id, sweep.run_id)]
    errors = [run.error.message for run in tx.runs.some(sweep.workspace_id, ids) if run.error is not None]
    return Counter(errors).most_common(1)[0][0] if errors else "no error was told"
