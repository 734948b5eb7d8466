"""The trash: runs put there come back until it is emptied; then their bytes go too, unless others refer to them."""

from __future__ import annotations

from datetime import datetime, timedelta

from amlet.artifacts.base import BlobStore
from amlet.artifacts.logs import LogFolder
from amlet.base.errors import Conflict
from amlet.domain.artifact import BlobLocation
from amlet.domain.run import Run
from amlet.operations.transitions import save
from amlet.store.base import Records, Transaction
from amlet.wire.runs import TrashAnswer

KEPT = timedelta(days=30)
YOUNG = timedelta(hours=1)
"""A blob sent within this time may be on its way into a run: it stays."""


def trash(tx: Transaction, workspace_id: str, run_id: str, now: datetime) -> Run:
    """Put a run that is over into the trash, with its children.

    Raises:
        Conflict: if it, or a child of it, is still going on.
    """
    run = tx.runs.get(workspace_id, run_id)
    family = [run, *tx.runs.children(workspace_id, run_id)]
    active = [member for member in family if not member.is_over]
    if active:
        raise Conflict(
            f"Run {active[0].id} is {active[0].status}: only runs that are over go into the trash.",
            hint=f"cancel it first: `amlet cancel {active[0].id}`.",
        )
    for member in family[1:]:
        if member.trashed is None:
            save(tx, member._replace(trashed=now))
    return run if run.trashed else save(tx, run._replace(trashed=now))


def restore(tx: Transaction, workspace_id: str, run_id: str) -> Run:
    """Take a run out of the trash, with those children that went in with it."""
    run = tx.runs.get(workspace_id, run_id)
    if run.trashed is None:
        return run
    for member in tx.runs.children(workspace_id, run_id):
        if member.trashed == run.trashed:
            save(tx, member._replace(trashed=None))
    return save(tx, run._replace(trashed=None))


class Emptying:
    """Empties the trash. The rows go first, in one transaction; then the bytes that no row names any more."""

    def __init__(self, records: Records, blobs: BlobStore, logs: LogFolder) -> None:
        self._records = records
        self._blobs = blobs
        self._logs = logs

    def empty(self, before: datetime, now: datetime, *, dry_run: bool = False) -> TrashAnswer:
        """Delete for good what was put into the trash before a moment, and free what nobody refers to.

        Args:
            dry_run: Say what would go, and keep it.
        """
        found: list[_Found] = []

        def work(tx: Transaction) -> None:
            found.append(_delete(tx, before, now))
            if dry_run:
                raise _OnlyLooking

        try:
            self._records.write(work).result()
        except _OnlyLooking:
            return found[-1].answer
        for number in found[-1].logs:
            self._logs.remove(number)
        for location in found[-1].gone:
            self._blobs.remove(location, unless_younger_than_s=YOUNG.total_seconds())
        return found[-1].answer


class _OnlyLooking(Exception):
    """Undoes the transaction of a dry run."""


class _Found:
    def __init__(self, answer: TrashAnswer, logs: list[int], gone: list[BlobLocation]) -> None:
        self.answer = answer
        self.logs = logs
        self.gone = gone


def _delete(tx: Transaction, before: datetime, now: datetime) -> _Found:
    logs: list[int] = []
    doomed = tx.runs.trashed_before(before)
    for run in doomed:
        logs += tx.runs.delete(run.workspace_id, run.id)
    orphans = tx.blobs.unreferenced(now - YOUNG)
    packs = tx.blobs.forget([location.sha256 for location in orphans])
    gone = [location for location in orphans if location.pack is None]
    gone += [BlobLocation(pack, 0, pack) for pack in packs]
    size_bytes = sum(location.size_bytes for location in orphans)
    return _Found(TrashAnswer(len(doomed), len(orphans), size_bytes), logs, gone)
