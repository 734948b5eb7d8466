"""How a sweep ends: when all of its trials are over, or when no more are to be drawn."""

from __future__ import annotations

from collections import Counter

from amlet.domain import run as runs
from amlet.domain.run import RunError
from amlet.operations.cancel import cancel
from amlet.operations.settle import end
from amlet.operations.sweep_step import CONTROLLER, Step
from amlet.operations.transitions import save
from amlet.operations.trials import best_trial

FIRST_FAILURES = 10
"""A sweep whose first trials, so many, all failed draws no more."""


def stop(step: Step, why: str, *, fails: bool = False) -> None:
    """Draw no more trials, and cancel those that go on."""
    for trial in step.tx.sweeps.open_trials(*step.key):
        cancel(step.tx, step.sweep.workspace_id, trial.run_id, step.now)
    step.change(stopping=why, is_failing=fails)
    step.say(CONTROLLER, why)


def end_sweep(step: Step) -> None:
    """Settle the sweep's own run, none of whose trials goes on, and keep it."""
    state = step.sweep.state
    best = best_trial(step.tx, step.sweep)  # anew: an attempt that had the best value may have been made again
    value = best.best[0] if best is not None else None
    step.change(best_run=best.trial.run_id if best is not None else None, best_value=value)
    all_failed = state.over > 0 and state.failed == state.over
    error = None
    if step.sweep.status == runs.CANCEL_REQUESTED:
        outcome = runs.CANCELED
    elif state.is_failing or all_failed:
        outcome = runs.FAILED
        why = state.stopping or f"All {state.over} trials failed: {common_error(step)}"
        error = RunError("UserError" if all_failed else "SystemError", why)
    else:
        outcome = runs.COMPLETED
    if state.stopping is not None and outcome == runs.COMPLETED:
        step.warn(state.stopping)
    said = f"The sweep is {outcome}: {state.drawn} trials, {state.failed} failed"
    properties = {"best_metric_status": "Completed" if best is not None else "Failed"}
    if best is not None:
        properties |= {"score": repr(value), "best_child_run_id": best.trial.run_id}
        said += f", best {best.trial.run_id} with {step.sweep.spec.primary.metric} {value:g}"
    step.say(CONTROLLER, said)
    step.sweep = step.sweep._replace(is_open=False)
    step.keep()
    run = save(step.tx, step.run._replace(properties={**step.run.properties, **properties}))
    end(step.tx, run, outcome, step.now, error)


def common_error(step: Step) -> str:
    """The error that most of the failed trials ended with."""
    ids = [trial.run_id for trial in step.tx.sweeps.trials(*step.key)]
    errors = [run.error.message for run in step.tx.runs.some(step.sweep.workspace_id, ids) if run.error is not None]
    return Counter(errors).most_common(1)[0][0] if errors else "no error was told"
