"""Submit a sweep, give one more trials, try again what one lacks. The sweeper then draws them."""

from __future__ import annotations

from datetime import datetime

from amlet.base.errors import Conflict, FieldError, InvalidInput, NotFound
from amlet.base.ids import uuid4_text
from amlet.domain import run as runs
from amlet.domain.compute import LOCAL
from amlet.domain.run import Run
from amlet.domain.sweep import HYPERDRIVE, MAX_TOTAL_RUNS, SweepSpec, SweepState
from amlet.domain.sweep_check import faults_of_spec
from amlet.operations.retry import revive
from amlet.operations.submit import add_run, check_submission, new_run
from amlet.operations.transitions import RECONCILE, SWEEPS, moved, reopen, save
from amlet.operations.trials import facts_of_sweep
from amlet.store.base import SweepRecord, Transaction
from amlet.wire.runs import SubmitAnswer
from amlet.wire.sweeps import SubmitSweep


def submit_sweep(tx: Transaction, workspace_id: str, asked: SubmitSweep, now: datetime) -> SubmitAnswer:
    """Record a sweep, which is Running from then on: its trials are drawn and queued by the sweeper.

    Sending the same submission twice gives the same sweep. When blobs are missing, nothing is recorded.

    Raises:
        InvalidInput: with every fault of the submission and of the sweep.
        NotFound: for an unknown compute target, or a sweep to go on from that is not there.
    """
    earlier = tx.runs.submitted(workspace_id, asked.run.submission_id)
    if earlier is not None:
        return SubmitAnswer(earlier, [])
    spec = asked.spec
    faults = faults_of_spec(spec)
    faults += _faults_of_parents(tx, workspace_id, spec)
    check_submission(tx, workspace_id, asked.run, faults, "the sweep")
    missing = tx.blobs.missing([entry.sha256 for entry in [*asked.run.snapshot, *asked.run.files]])
    if missing:
        return SubmitAnswer(None, missing)
    run_id = asked.run.run_id or f"HD_{uuid4_text()}"
    run, job = new_run(tx, workspace_id, asked.run, run_id, HYPERDRIVE, now)
    tags, properties = facts_of_sweep(spec, job)
    run = run._replace(tags={**tags, **run.tags}, properties={**properties, **run.properties})
    run = add_run(tx, moved(run, runs.RUNNING, now, "drawing trials"), job, asked.run)
    parts = spec.max_concurrent_runs if run.target == LOCAL else 1
    tx.sweeps.save(SweepRecord(workspace_id, run_id, spec, SweepState(), is_open=True, parts=parts))
    _wake(tx)
    return SubmitAnswer(run, [])


def extend_sweep(tx: Transaction, workspace_id: str, run_id: str, count: int, now: datetime) -> Run:
    """Let a sweep have more trials, be it over or not.

    Raises:
        InvalidInput: for a count that is not above 0, or more trials than a sweep may have.
    """
    sweep = find_sweep(tx, workspace_id, run_id)
    total = sweep.spec.max_total_runs + count
    if count < 1 or total > MAX_TOTAL_RUNS:
        raise InvalidInput(
            f"Sweep {run_id} has {sweep.spec.max_total_runs} trials; {count} more cannot be given.",
            hint=f"a sweep has at most {MAX_TOTAL_RUNS} trials; resume_from goes on from one in another.",
        )
    return _go_on(tx, sweep._replace(spec=sweep.spec._replace(max_total_runs=total)), now)


def resume_sweep(tx: Transaction, workspace_id: str, run_id: str, now: datetime) -> Run:
    """Try again each trial that failed or was cancelled, unless its policy ended it, and draw what is missing."""
    sweep = find_sweep(tx, workspace_id, run_id)
    if sweep.is_open:
        raise Conflict(f"Sweep {run_id} goes on.", hint="resume one that is over; `amlet sweep extend` gives it more.")
    state = sweep.state
    for trial in tx.sweeps.trials(workspace_id, run_id):
        run = tx.runs.get(workspace_id, trial.run_id)
        if run.status not in (runs.FAILED, runs.CANCELED) or trial.stopped_by:
            continue
        state = state._replace(over=state.over - 1, failed=state.failed - (run.status == runs.FAILED))
        revive(tx, run, now)
        tx.sweeps.save_trial(workspace_id, run_id, trial._replace(is_open=True, judged=0, stopped_by=None))
    return _go_on(tx, sweep._replace(state=state), now)


def find_sweep(tx: Transaction, workspace_id: str, run_id: str) -> SweepRecord:
    """The sweep of that run.

    Raises:
        NotFound: if there is no such run, or it is no sweep.
    """
    found = tx.sweeps.find(workspace_id, run_id)
    if found is None:
        raise NotFound(f'Run "{run_id}" is no sweep.', hint="`amlet ps --type hyperdrive` shows the sweeps.")
    return found


def _go_on(tx: Transaction, sweep: SweepRecord, now: datetime) -> Run:
    run = tx.runs.get(sweep.workspace_id, sweep.run_id)
    if run.status == runs.CANCEL_REQUESTED:
        raise Conflict(f"Sweep {run.id} is being cancelled.", hint="wait until it is over, then resume it.")
    state = sweep.state._replace(stopping=None, is_failing=False, is_exhausted=False)
    tx.sweeps.save(sweep._replace(state=state, is_open=True))
    run = reopen(tx, run, now) if run.is_over else save(tx, run)
    _wake(tx)
    return run


def _wake(tx: Transaction) -> None:
    tx.touch(SWEEPS)
    tx.touch(RECONCILE)


def _faults_of_parents(tx: Transaction, workspace_id: str, spec: SweepSpec) -> list[FieldError]:
    """What is wrong with what a sweep goes on from (v1-behaviours 12.21)."""
    faults = []
    for run_id in spec.resume_from:
        parent = find_sweep(tx, workspace_id, run_id)
        if parent.is_open:
            faults.append(FieldError("resume_from", f"{run_id} goes on still: wait until it is over"))
        elif parent.spec.primary != spec.primary:
            told = f"{parent.spec.primary.goal} {parent.spec.primary.metric}"
            faults.append(FieldError("resume_from", f"{run_id} is to {told}: the metric and its goal must be the same"))
    for run_id in spec.resume_child_runs:
        child = tx.runs.get(workspace_id, run_id)
        if not child.is_over or child.parent_id is None or tx.sweeps.find(workspace_id, child.parent_id) is None:
            faults.append(FieldError("resume_child_runs", f"{run_id} must be a trial of a sweep, and over"))
    return faults
