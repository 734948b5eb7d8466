"""Runs that no node executes, since their process is there already: interactive ones, children, offline ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput
from amlet.domain import run as runs
from amlet.domain.artifact import Entry, tree_of
from amlet.domain.run import SNAPSHOT, Run
from amlet.domain.sweep import HYPERDRIVE
from amlet.operations.collect import drain
from amlet.operations.edit import check_marks
from amlet.operations.ensure import ensure_experiment
from amlet.operations.submit import check_entries
from amlet.operations.transitions import move, save
from amlet.store.base import Transaction
from amlet.wire.runs import EndRun, StartRun

BATCH_LIMIT = 100
"""v1-behaviours 7.4."""


def start_runs(tx: Transaction, workspace_id: str, asked: Sequence[StartRun], now: datetime) -> list[Run]:
    """Make runs that are Running at once; all or none. Starting the same run twice gives the same run.

    Raises:
        InvalidInput: with every fault, or for more than 100 at once.
        NotFound: if a parent is not there.
    """
    if len(asked) > BATCH_LIMIT:
        raise InvalidInput(f"{len(asked)} runs are asked for at once; {BATCH_LIMIT} is the most.")
    tx.workspaces.get(workspace_id)
    faults: list[FieldError] = []
    for number, one in enumerate(asked):
        faults += [FieldError(f"runs[{number}].{path}", message) for path, message in _faults(one)]
    if faults:
        raise InvalidInput.of(faults, subject="the runs to start")
    return [_start(tx, workspace_id, one, now) for one in asked]


def end_run(tx: Transaction, workspace_id: str, run_id: str, asked: EndRun, now: datetime) -> Run:
    """Keep what a run that no node executes logged last, and settle it. Ending it twice the same way changes nothing.

    Raises:
        Conflict: if a node executes it, or it ended another way; or if what a journal holds before is not here.
    """
    run = tx.runs.get(workspace_id, run_id)
    if run.status == asked.outcome:
        return run
    if run.attempt or run.type == HYPERDRIVE or run.status not in (runs.RUNNING, runs.FINALIZING):
        how = f"it is {run.status}" if run.is_over else "it ends with its script"
        raise Conflict(f"Run {run_id} cannot be ended as {asked.outcome}: {how}.", hint="run.cancel() ends it early.")
    if asked.outcome not in runs.TERMINAL:
        raise InvalidInput(f"{asked.outcome!r} does not end a run.", hint="use Completed, Failed or Canceled.")
    for piece in asked.journals:
        data = piece.lines.encode("ascii", "replace")
        if drain(tx, run, piece.journal, piece.offset, data) < piece.offset + len(data):
            raise Conflict(f"Run {run_id} lacks bytes of its journal {piece.journal[:50]!r}.", hint="bring them first.")
        run = tx.runs.get(workspace_id, run_id)
    run = run._replace(warnings=[*run.warnings, *asked.warnings])
    error = (asked.error or run.error) if asked.outcome == runs.FAILED else None
    # A process that was offline tells when it ended; never before it began.
    ended = max(asked.ended, run.started or now) if asked.ended else now
    return move(tx, run, asked.outcome, ended, error=error)


def put_snapshot(tx: Transaction, workspace_id: str, run_id: str, entries: list[Entry]) -> tuple[str, list[str]]:
    """Record the sources of an interactive run, once (v1-behaviours 7.9).

    Returns:
        The snapshot's id, and the blobs to send first; nothing is recorded then.
    """
    run = tx.runs.get(workspace_id, run_id)
    faults = check_entries(entries)
    if faults:
        raise InvalidInput.of(faults, subject="the snapshot")
    tree = tree_of(entries)
    held = run.properties.get(SNAPSHOT)
    if held is not None and held != tree.id:
        raise Conflict(f"Run {run_id} has a snapshot already.", hint="a run has one: start another run.")
    missing = tx.blobs.missing([entry.sha256 for entry in entries])
    if not missing and held is None:
        tx.trees.add(tree)
        save(tx, run._replace(properties={**run.properties, SNAPSHOT: tree.id}))
    return tree.id, missing


def _start(tx: Transaction, workspace_id: str, one: StartRun, now: datetime) -> Run:
    earlier = tx.runs.find(workspace_id, one.run_id)
    if earlier is not None:
        if earlier.experiment != one.experiment or earlier.attempt:
            raise Conflict(f"There is another run {one.run_id}.", hint="leave run_id out: one is drawn.")
        return earlier
    if one.parent_id is not None:
        tx.runs.get(workspace_id, one.parent_id)
    experiment = ensure_experiment(tx, workspace_id, one.experiment, now)
    began = min(one.started, now) if one.started else now
    run = Run(
        workspace_id=workspace_id,
        id=one.run_id,
        experiment=experiment.name,
        number=0,
        type=one.type,
        status=runs.NOT_STARTED,
        display_name=one.display_name or one.name or one.run_id,
        target=one.target,
        attempt=0,
        tags=one.tags,
        properties=one.properties,
        stages=[],
        warnings=[],
        error=None,
        waiting_for=None,
        lock_id=None,
        created=began,
        started=None,
        ended=None,
        revision=0,
        name=one.name or f"run_{one.run_id}",
        description=one.description,
        parent_id=one.parent_id,
    )
    return move(tx, tx.runs.add(run, None, ""), runs.RUNNING, began, "interactive")


def _faults(one: StartRun) -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = []
    for path, rule, value in (("experiment", names.EXPERIMENT, one.experiment), ("run_id", names.RUN_ID, one.run_id)):
        if not rule.allows(value):
            faults.append((path, f"{value[:300]!r} cannot name {rule.noun}: {rule.words}"))
    return faults + check_marks(one.tags, one.properties, one.display_name, one.description)
