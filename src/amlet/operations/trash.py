"""The trash: runs put there come back until it is emptied; then their bytes go too, unless others refer to them."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import NamedTuple

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
        if dry_run:
            return self._look(before, now)
        dooms = self._records.read(lambda tx: bool(tx.runs.trashed_before(before)))
        later_bytes = self._look(before, now).later_bytes if dooms else 0
        found = self._records.write(lambda tx: _delete(tx, before, now)).result()
        for number in found.logs:
            self._logs.remove(number)
        for location in found.gone:
            self._blobs.remove(location, unless_younger_than_s=YOUNG.total_seconds())
        return found.answer._replace(later_bytes=later_bytes)

    def _look(self, before: datetime, now: datetime) -> TrashAnswer:
        """What emptying would do: it is done, and undone."""
        found: list[TrashAnswer] = []

        def work(tx: Transaction) -> None:
            future = now + YOUNG
            if tx.runs.trashed_before(before):
                # Young blobs that had no use before are on their way into a run; those that lose it now go later.
                unused = {location.sha256 for location in tx.blobs.unreferenced(future)}
                answer = _delete(tx, before, now).answer
                later = [held for held in tx.blobs.unreferenced(future) if held.sha256 not in unused]
                found.append(answer._replace(later_bytes=sum(location.size_bytes for location in later)))
            else:
                found.append(_delete(tx, before, now).answer)
            raise _OnlyLooking

        with contextlib.suppress(_OnlyLooking):
            self._records.write(work).result()
        return found[-1]


class _OnlyLooking(Exception):
    """Undoes a transaction."""


class _Found(NamedTuple):
    answer: TrashAnswer
    logs: list[int]
    gone: list[BlobLocation]


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
