"""The one place where a run changes its status: legal, timed by stage, and told to those who watch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from amlet.base.errors import Conflict
from amlet.domain import run as runs
from amlet.domain.job import Job
from amlet.domain.run import Run, Stage
from amlet.store.base import Transaction

STAGE_OF = {
    runs.STARTING: "submit",
    runs.PREPARING: "prepare",
    runs.QUEUED: "scale",
    runs.RUNNING: "run",
    runs.FINALIZING: "finish",
}


def run_topic(workspace_id: str, run_id: str) -> str:
    """What a watcher of the run waits on."""
    return f"run/{workspace_id}/{run_id}"


def queue_topic(pool: str) -> str:
    """What the nodes of a pool wait on."""
    return f"queue/{pool}"


RECONCILE = "reconcile"
"""What the reconciler waits on: something may have to be brought about."""


SWEEPS = "sweeps"
"""What sweeps wait on: a child of some run has ended, or brought metrics."""


def move(
    tx: Transaction,
    run: Run,
    status: str,
    now: datetime,
    detail: str | None = None,
    since: datetime | None = None,
    **changes: Any,
) -> Run:
    """Change the status, with the stages' times.

    Args:
        detail: A word on the stage that begins (`cache hit`).
        since: When that stage began, if that was before its status was known.
        changes: Other fields of the record that change with it.

    Raises:
        Conflict: if the status may not follow the present one.
    """
    if run.status == runs.QUEUED and runs.allows(run.status, status):
        tx.queue.remove(run.workspace_id, run.id)
    if status in runs.TERMINAL and run.parent_id is not None:
        tx.touch(SWEEPS)
    return save(tx, moved(run, status, now, detail, since, **changes))


def moved(
    run: Run, status: str, now: datetime, detail: str | None = None, since: datetime | None = None, **changes: Any
) -> Run:
    """The same of a run that is in no queue, or not recorded yet: nothing is kept.

    Raises:
        Conflict: if the status may not follow the present one.
    """
    if not runs.allows(run.status, status):
        raise Conflict(f"Run {run.id} is {run.status}: it cannot become {status}.")
    stages = [*run.stages]
    if stages:  # a clock that was set back makes no stage shorter than nothing
        now = max(now, stages[-1].started)
    stage = STAGE_OF.get(status)
    if status in runs.TERMINAL or (stage and (not stages or stages[-1].name != stage)):
        began = now
        if stages and stages[-1].ended is None:
            began = min(now, max(since or now, stages[-1].started))
            stages[-1] = stages[-1]._replace(ended=began)
        if stage:
            stages.append(Stage(stage, began, None, detail))
    if run.status == runs.QUEUED:
        changes.setdefault("again_at", None)
    if status == runs.RUNNING:
        changes.setdefault("started", run.started or now)
    if status in runs.TERMINAL:
        changes.setdefault("ended", now)
        changes.setdefault("waiting_for", None)
    return run._replace(status=status, stages=stages, **changes)


def reopen(tx: Transaction, run: Run, now: datetime) -> Run:
    """Let a sweep that is over go on: it gets more trials. No other run comes back."""
    stages = [*run.stages, Stage("run", now, None, "goes on")]
    return save(tx, run._replace(status=runs.RUNNING, stages=stages, ended=None, error=None))


def enter_queue(tx: Transaction, run: Run, job: Job | None = None) -> None:
    """Let the nodes of the run's target have it.

    Args:
        job: The run's own, where it is at hand.
    """
    job = job or tx.runs.job(run.workspace_id, run.id)
    tx.queue.put(run, job.priority, job.node_count)
    tx.touch(queue_topic(run.pool))
    tx.touch(RECONCILE)


def save(tx: Transaction, run: Run) -> Run:
    """Replace the record and tell its watchers."""
    tx.touch(run_topic(run.workspace_id, run.id))
    return tx.runs.save(run)
