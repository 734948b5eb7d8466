"""What became of a sweep's trials since the last look: reports are ruled on, ends are counted, the best is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from amlet.artifacts.logs import LogFolder
from amlet.base.names import closest
from amlet.domain import metric as metrics
from amlet.domain import run as runs
from amlet.domain.metric import Point
from amlet.domain.run import Run, RunWarning
from amlet.domain.sweep import NO_TERMINATION, Decision, SweepState, Trial
from amlet.operations.cancel import cancel
from amlet.operations.sweep_course import Course, reported
from amlet.operations.sweep_end import FIRST_FAILURES, common_error, stopped
from amlet.operations.sweep_log import say
from amlet.operations.transitions import save
from amlet.operations.trials import best_of
from amlet.store.base import MetricSummary, SweepRecord, Transaction
from amlet.sweeps.policies import rule

BEST_CHILD = "best_child_by_primary_metric"
"""v1-behaviours 12.15."""


def look_after(
    tx: Transaction, logs: LogFolder, sweep: SweepRecord, parent: Run, course: Course, now: datetime
) -> tuple[SweepRecord, int]:
    """What a sweep is after its trials were looked at. The caller keeps it, and tells the run's watchers.

    Returns:
        The sweep, and how many of its trials go on.
    """
    before = sweep
    opened = tx.sweeps.open_trials(sweep.workspace_id, sweep.run_id)
    found = {run.id: run for run in tx.runs.some(sweep.workspace_id, [trial.run_id for trial in opened])}
    name = sweep.spec.primary.metric
    logged = tx.metrics.named(sweep.workspace_id, list(found), [name]) if found else {}
    going_on = 0
    for trial in opened:
        run = found.get(trial.run_id)
        summary = logged.get(trial.run_id, {}).get(name)
        if run is not None and summary is not None:
            trial = _judged(tx, logs, sweep, course, trial, run, summary, now)
            sweep = _with_best(tx, sweep, trial, summary, now)
        if run is not None and not run.is_over:
            going_on += 1
            continue
        if run is None or run.status != runs.CANCELED:
            trial = trial._replace(stopped_by=None)  # its script came to its end before the policy's ruling did
        tx.sweeps.save_trial(sweep.workspace_id, sweep.run_id, trial._replace(is_open=False))
        sweep = sweep._replace(state=_counted(sweep.state, run))
        if run is not None and summary is None and run.status == runs.COMPLETED and not sweep.state.is_warned:
            sweep = _warned(tx, sweep, run)
    sweep = _with_stops(tx, sweep, parent, now)
    if sweep.state.stopping != before.state.stopping and sweep.state.stopping:
        say(tx, logs, sweep, "CONTROLLER", sweep.state.stopping, now)
    return sweep, going_on


def _judged(
    tx: Transaction,
    logs: LogFolder,
    sweep: SweepRecord,
    course: Course,
    trial: Trial,
    run: Run,
    summary: MetricSummary,
    now: datetime,
) -> Trial:
    """Rule on the reports that came since the last look; end the trial when a ruling says so."""
    policy = sweep.spec.policy
    if policy.name == NO_TERMINATION or summary.points == trial.judged:
        return trial
    start = trial.judged if trial.judged <= summary.points else 0  # another attempt begins anew
    decided = []
    for value in reported(tx, sweep, trial, start, summary.points):
        curve = course.curves.add(trial.run_id, value)
        ruling = rule(policy, sweep.spec.primary, course.curves, trial.number, curve)
        if ruling is None:
            continue
        ends = ruling.ends and trial.stopped_by is None and not run.is_over and run.status != runs.FINALIZING
        finite = ruling.value if ruling.value == ruling.value and abs(ruling.value) != float("inf") else None
        decided.append(Decision(trial.run_id, ruling.report, finite, ruling.bound, ends, ruling.why, now))
        if ends:
            trial = trial._replace(stopped_by=policy.name)
            cancel(tx, run.workspace_id, run.id, now)
            said = f"Cancelling job, id='{run.id}': {policy.name} at report {ruling.report}: {ruling.why}"
            say(tx, logs, sweep, "CONTROLLER", said, now)
    tx.sweeps.decide(sweep.workspace_id, sweep.run_id, decided)
    trial = trial._replace(judged=summary.points)
    tx.sweeps.save_trial(sweep.workspace_id, sweep.run_id, trial)
    return trial


def _with_best(tx: Transaction, sweep: SweepRecord, trial: Trial, summary: MetricSummary, now: datetime) -> SweepRecord:
    value = best_of(sweep.spec.primary, summary)
    state = sweep.state
    if value is None or (state.best_value is not None and not sweep.spec.primary.is_better(value, state.best_value)):
        return sweep
    row = {
        "run_id": trial.run_id,
        "metric_name": sweep.spec.primary.metric,
        "metric_value": value,
        "timestamp": now.isoformat(),
        "final": False,
    }
    log_best(tx, sweep, row, now)
    state = state._replace(best_run=trial.run_id, best_value=value, logged=state.logged + 1)
    return sweep._replace(state=state)


def log_best(tx: Transaction, sweep: SweepRecord, row: Mapping[str, object], now: datetime) -> None:
    """Write a row of the parent's table of its best trials (v1-behaviours 12.15)."""
    point = Point(BEST_CHILD, metrics.ROW, dict(row), None, now.timestamp())
    tx.metrics.add(sweep.workspace_id, sweep.run_id, "sweeper", sweep.state.logged + 1, [point])


def _counted(state: SweepState, run: Run | None) -> SweepState:
    failed = run is None or run.status == runs.FAILED
    return state._replace(over=state.over + 1, failed=state.failed + failed)


def _warned(tx: Transaction, sweep: SweepRecord, run: Run) -> SweepRecord:
    """Tell once that a trial ended without the primary metric, and which names it did log."""
    wanted = sweep.spec.primary.metric
    names = [summary.name for summary in tx.metrics.summaries(run.workspace_id, run.id, 100)]
    told = ", ".join(repr(name) for name in names[:20]) if names else "nothing"
    near = closest(wanted, names)
    text = f"Trial {run.id} ended without the primary metric {wanted!r}. It logged {told}. {near}".strip()
    parent = tx.runs.get(sweep.workspace_id, sweep.run_id)
    save(tx, parent._replace(warnings=[*parent.warnings, RunWarning("sweep", text)]))
    return sweep._replace(state=sweep.state._replace(is_warned=True))


def _with_stops(tx: Transaction, sweep: SweepRecord, parent: Run, now: datetime) -> SweepRecord:
    state = sweep.state
    if state.stopping is not None or parent.status != runs.RUNNING:
        return sweep
    if state.over == state.failed >= FIRST_FAILURES:
        why = f"Its first {state.over} trials all failed: {common_error(tx, sweep)}"
        return stopped(tx, sweep, why, now, fails=True)
    began = parent.started or parent.created
    if (now - began).total_seconds() > sweep.spec.max_duration_s:
        minutes = sweep.spec.max_duration_s / 60
        return stopped(tx, sweep, f"The sweep took longer than max_duration_minutes={minutes:g} allows.", now)
    return sweep
