"""Another attempt at a run: when there is one, what becomes of what the one before made, and the rest between."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from amlet.base.units import human_seconds
from amlet.domain import run as runs
from amlet.domain.job import RETRY_PAUSES_S, Job, retry_pause_s, shell_code
from amlet.domain.run import PastAttempt, Run, RunError, Stage, folder_of_attempt
from amlet.operations.transitions import RECONCILE, enter_queue, move, save
from amlet.store.base import Transaction

SUBMITTED = ("azureml-logs/", "system_logs/")
"""Files of the run's, whatever attempt it is at: how its environment was made, what its sources had uncommitted."""

LOGS = ("user_logs/", "logs/")

_SET_ASIDE = re.compile(r"(user_logs/|logs/)?attempt_\d+/")


def try_again(
    tx: Transaction, run: Run, error: RunError, now: datetime, *, exit_code: int | None, is_scripts: bool
) -> bool:
    """Send a run whose attempt has failed back to the queue, after a rest, if its job asks for that.

    The files and metrics of the attempt stay readable under its number, so that the next one begins as the first did.

    Args:
        exit_code: The script's, where it is known.
        is_scripts: Whether the script failed; else its node did, or was lost.

    Returns:
        Whether the run goes on.
    """
    job = tx.runs.job(run.workspace_id, run.id)
    if len(run.past) >= job.retries or (is_scripts and not _is_named(exit_code, job)):
        return False
    held = tx.leases.find(run.workspace_id, run.id)
    tx.leases.end(run.workspace_id, run.id)
    _set_aside(tx, run)
    past = PastAttempt(run.attempt, held.node if held else None, _began(run), now, error)
    pause_s = retry_pause_s(len(run.past))
    retry = f"retry {len(run.past) + 1} of {job.retries}"
    move(
        tx,
        run,
        runs.QUEUED,
        now,
        f"{retry}, after a rest of {human_seconds(pause_s)}",
        past=[*run.past, past],
        again_at=now + timedelta(seconds=pause_s),
        error=None,
        waiting_for=f"attempt {run.attempt} failed ({retry} follows)",
    )
    tx.touch(RECONCILE)
    return True


def revive(tx: Transaction, run: Run, now: datetime) -> Run:
    """Queue a run that is over once more, as another attempt; what the one before made is kept under its number."""
    _set_aside(tx, run)
    error = run.error or RunError("SystemError", f"Attempt {run.attempt} was {run.status}.")
    past = [*run.past, PastAttempt(run.attempt, None, _began(run), run.ended or now, error)]
    stages = [*run.stages, Stage("scale", now, None, "tried again")]
    again = run._replace(status=runs.QUEUED, waiting_for="is tried again", error=None, ended=None)
    run = save(tx, again._replace(past=past, stages=stages))
    enter_queue(tx, run)
    return run


def end_rests(tx: Transaction, now: datetime) -> None:
    """Queue the runs that have rested long enough. A clock that was set back prolongs no rest."""
    longest = timedelta(seconds=max(RETRY_PAUSES_S))
    for run in tx.runs.resting():
        if run.again_at is not None and not now < run.again_at <= now + longest:
            enter_queue(tx, save(tx, run._replace(again_at=None)))


def _is_named(exit_code: int | None, job: Job) -> bool:
    return exit_code is not None and shell_code(exit_code) in job.retry_codes


def _began(run: Run) -> datetime | None:
    return next((stage.started for stage in reversed(run.stages) if stage.name == "run"), None)


def _set_aside(tx: Transaction, run: Run) -> None:
    files = [file.path for file in tx.files.list(run.workspace_id, run.id)]
    tx.files.rename(run.workspace_id, run.id, _new_names(files, run.attempt))
    metrics = [summary.name for summary in tx.metrics.summaries(run.workspace_id, run.id)]
    tx.metrics.rename(run.workspace_id, run.id, _new_names(metrics, run.attempt))
    tx.metrics.forget_journals(run.workspace_id, run.id)  # those of the next attempt may bear the same names


def _new_names(names: Iterable[str], attempt: int) -> dict[str, str]:
    """`user_logs/std_log.txt` becomes `user_logs/attempt_1/std_log.txt`, what is no log `attempt_1/...`."""
    known = set(names)
    found = {}
    for name in known:
        if name.startswith(SUBMITTED) or _SET_ASIDE.match(name):
            continue
        folder = next((folder for folder in LOGS if name.startswith(folder)), "")
        found[name] = f"{folder}{folder_of_attempt(attempt)}/{name[len(folder) :]}"
    return {name: other for name, other in found.items() if other not in known}
