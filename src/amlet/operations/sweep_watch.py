"""What became of a sweep's trials since the last look: reports are ruled on, ends are counted, the best is told."""

from __future__ import annotations

import math

from amlet.base.names import closest
from amlet.domain import metric as metrics
from amlet.domain import run as runs
from amlet.domain.metric import Point
from amlet.domain.sweep import NO_TERMINATION, Decision, Trial
from amlet.operations.cancel import cancel
from amlet.operations.sweep_course import Course, reported
from amlet.operations.sweep_end import FIRST_FAILURES, common_error, stop
from amlet.operations.sweep_step import CONTROLLER, Step
from amlet.operations.trials import best_of
from amlet.store.base import MetricSummary, TrialLook
from amlet.sweeps.policies import rule

BEST_CHILD = "best_child_by_primary_metric"
"""v1-behaviours 12.15."""


def look_after(step: Step, course: Course) -> int:
    """Bring a sweep up to what its trials have come to; how many of them go on."""
    primary = step.sweep.spec.primary.metric
    going_on = 0
    for look in step.tx.sweeps.look(*step.key, [primary]):
        trial, summary = look.trial, look.logged.get(primary)
        if look.status is not None and step.sweep.spec.policy.name != NO_TERMINATION:
            trial = _judged(step, course, look, summary.points if summary is not None else 0)
        if look.status is not None and summary is not None:
            _tell_best(step, trial, summary)
        if look.status is not None and look.status not in runs.TERMINAL:
            if trial != look.trial:
                step.tx.sweeps.save_trial(*step.key, trial)
            going_on += 1
            continue
        if look.status != runs.CANCELED:
            trial = trial._replace(stopped_by=None)  # its script came to its end before the policy's ruling did
        step.tx.sweeps.save_trial(*step.key, trial._replace(is_open=False))
        failed = look.status in (None, runs.FAILED)
        step.change(over=step.sweep.state.over + 1, failed=step.sweep.state.failed + failed)
        if summary is None and look.status == runs.COMPLETED and not step.sweep.state.is_warned:
            _warn(step, trial.run_id)
    _stop_if_due(step)
    return going_on


def _judged(step: Step, course: Course, look: TrialLook, reports: int) -> Trial:
    """Rule on the reports that came since the last look; end the trial when a ruling says so."""
    sweep, trial = step.sweep, look.trial
    policy = sweep.spec.policy
    if trial.judged and (look.attempt != trial.attempt or reports < trial.judged):
        course.curves.forget(trial.run_id)  # another attempt begins anew
        trial = trial._replace(judged=0, stopped_by=None)
    if reports == trial.judged:
        return trial
    decided = []
    ends_by_itself = look.status in runs.TERMINAL or look.status == runs.FINALIZING
    for value in reported(step.tx, sweep, trial, trial.judged, reports):
        curve = course.curves.add(trial.run_id, value)
        ruling = rule(policy, sweep.spec.primary, course.curves, trial.number, curve)
        if ruling is None:
            continue
        ends = ruling.ends and trial.stopped_by is None and not ends_by_itself
        told = ruling.value if math.isfinite(ruling.value) else None
        facts = (ruling.report, told, ruling.bound, ends, ruling.why)
        decided.append(Decision(trial.run_id, *facts, step.now, look.attempt))
        if ends:
            trial = trial._replace(stopped_by=policy.name)
            cancel(step.tx, sweep.workspace_id, trial.run_id, step.now)
            said = f"Cancelling job, id='{trial.run_id}': {policy.name} at report {ruling.report}: {ruling.why}"
            step.say(CONTROLLER, said)
    step.tx.sweeps.decide(*step.key, decided)
    return trial._replace(judged=reports, attempt=look.attempt)


def _tell_best(step: Step, trial: Trial, summary: MetricSummary) -> None:
    """Write a row of the sweep's table of its best trials when this one is (v1-behaviours 12.15)."""
    primary, state = step.sweep.spec.primary, step.sweep.state
    value = best_of(primary, summary)
    if value is None or (state.best_value is not None and not primary.is_better(value, state.best_value)):
        return
    row = {
        "run_id": trial.run_id,
        "metric_name": primary.metric,
        "metric_value": value,
        "timestamp": step.now.isoformat(),
        "final": False,
    }
    point = Point(BEST_CHILD, metrics.ROW, row, None, step.now.timestamp())
    step.tx.metrics.add(*step.key, "sweeper", state.logged + 1, [point])
    step.change(best_run=trial.run_id, best_value=value, logged=state.logged + 1)


def _warn(step: Step, run_id: str) -> None:
    """Tell once that a trial ended without the primary metric, and which names it did log."""
    wanted = step.sweep.spec.primary.metric
    names = [summary.name for summary in step.tx.metrics.summaries(step.sweep.workspace_id, run_id, 100)]
    told = ", ".join(repr(name) for name in names[:20]) if names else "nothing"
    near = closest(wanted, names)
    step.warn(f"Trial {run_id} ended without the primary metric {wanted!r}. It logged {told}. {near}".strip())
    step.change(is_warned=True)


def _stop_if_due(step: Step) -> None:
    sweep, state = step.sweep, step.sweep.state
    if state.stopping is not None or sweep.status != runs.RUNNING:
        return
    if state.over == state.failed >= FIRST_FAILURES:
        stop(step, f"Its first {state.over} trials all failed: {common_error(step)}", fails=True)
    elif sweep.began is not None and (step.now - sweep.began).total_seconds() > sweep.spec.max_duration_s:
        minutes = sweep.spec.max_duration_s / 60
        stop(step, f"The sweep took longer than max_duration_minutes={minutes:g} allows.")
