"""Runs and their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Select, bindparam, select

from amlet.base.errors import Conflict, NotFound
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.store import labels, search
from amlet.store.base import RunFilter
from amlet.store.blobs import AT_ONCE
from amlet.store.tables import jobs, run_files, runs
from amlet.store.upserts import next_number

_RUNS = select(*(runs.c[name] for name in Run._fields))
_THIS = (runs.c.workspace_id == bindparam("its_workspace"), runs.c.id == bindparam("its_id"))
_SOME = _RUNS.where(
    runs.c.workspace_id == bindparam("its_workspace"), runs.c.id.in_(bindparam("its_ids", expanding=True))
).order_by(runs.c.seq)
_SEQ = select(runs.c.seq).where(*_THIS)
_NUMBERED = _RUNS.add_columns(runs.c.seq).where(*_THIS)
_LABELS = {"parameters": labels.PARAMETERS, "tags": labels.TAGS, "properties": labels.PROPERTIES}
_OF_SEQS = _RUNS.add_columns(runs.c.seq).where(runs.c.seq.in_(bindparam("asked", expanding=True)))
_LOGS = select(run_files.c.log).where(run_files.c.run == bindparam("its_run"), run_files.c.log.is_not(None))
_DELETE = runs.delete().where(runs.c.seq == bindparam("its_run"))
_TRASHED = _RUNS.where(runs.c.trashed < bindparam("moment")).order_by(runs.c.seq)
_SAVE = runs.update().where(runs.c.seq == bindparam("its_run"))
_JOB = select(jobs.c.job).join(runs, runs.c.seq == jobs.c.run).where(*_THIS)
_SUBMITTED = _RUNS.where(
    runs.c.workspace_id == bindparam("workspace_id"), runs.c.submission_id == bindparam("submission_id")
)
_RESTING = _RUNS.where(runs.c.again_at.is_not(None)).order_by(runs.c.again_at, runs.c.seq)


class Runs:
    """A transaction names the same run again and again: what it has read or saved of one, it keeps."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: dict[tuple[str, str], tuple[int, Run]] = {}
        self._seqs: dict[tuple[str, str], int] = {}
        self._jobs: dict[tuple[str, str], Job] = {}

    def find(self, workspace_id: str, run_id: str) -> Run | None:
        held = self._stored(workspace_id, run_id)
        return held[1] if held else None

    def get(self, workspace_id: str, run_id: str) -> Run:
        found = self.find(workspace_id, run_id)
        if found is None:
            raise no_run(run_id)
        return found

    def some(self, workspace_id: str, run_ids: Sequence[str]) -> list[Run]:
        found: list[Run] = []
        for start in range(0, len(run_ids), AT_ONCE):
            values = {"its_workspace": workspace_id, "its_ids": list(run_ids[start : start + AT_ONCE])}
            found += [Run._make(row) for row in self._connection.execute(_SOME, values)]
        return found

    def submitted(self, workspace_id: str, submission_id: str) -> Run | None:
        return self._one(_SUBMITTED, {"workspace_id": workspace_id, "submission_id": submission_id})

    def add(self, run: Run, job: Job | None, submission_id: str) -> Run:
        if self._connection.execute(_SEQ, _key(run.workspace_id, run.id)).first():
            raise Conflict(f'There is a run "{run.id}" in this workspace already.', hint="leave the id to amlet.")
        earlier = self.submitted(run.workspace_id, submission_id) if submission_id else None
        if earlier is not None:
            raise Conflict(f'Submission "{submission_id}" is recorded already, as run "{earlier.id}".')
        numbered = run._replace(number=next_number(self._connection, f"runs/{run.workspace_id}/{run.experiment}"))
        row = {**_row(numbered), "submission_id": submission_id or None}
        added = self._connection.execute(runs.insert(), row)
        assert added.inserted_primary_key is not None
        seq = added.inserted_primary_key[0]
        if job is not None:
            self._connection.execute(jobs.insert(), {"run": seq, "snapshot_id": job.snapshot_id, "job": job})
            self._jobs[run.workspace_id, run.id] = job
        labels.add(self._connection, seq, {kind: getattr(run, field) for field, kind in _LABELS.items()})
        self._held[numbered.workspace_id, numbered.id] = seq, numbered
        return numbered

    def save(self, run: Run) -> Run:
        stored = self._stored(run.workspace_id, run.id)
        if stored is None:
            raise no_run(run.id)
        seq, before = stored
        saved = run._replace(revision=before.revision + 1)
        held = _row(before)
        # A column that is set, even to what it is, costs as one that changes; and the run's id has every lease checked.
        changed = {name: value for name, value in _row(saved).items() if value != held[name]}
        self._connection.execute(_SAVE, {**changed, "its_run": seq})
        for field, kind in _LABELS.items():
            if field in changed:
                labels.replace(self._connection, seq, kind, changed[field])
        self._held[saved.workspace_id, saved.id] = seq, saved
        return saved

    def job(self, workspace_id: str, run_id: str) -> Job:
        key = (workspace_id, run_id)
        if key not in self._jobs:
            found = self._connection.execute(_JOB, _key(*key)).scalar()
            if found is None:
                self.seq_of(*key)
                raise NotFound(f'Run "{run_id}" has no job: it is an interactive run.')
            self._jobs[key] = cast("Job", found)
        return self._jobs[key]

    def page(self, workspace_id: str, chosen: RunFilter) -> tuple[list[Run], int | None]:
        limit = max(1, chosen.limit)
        following: int | None
        if chosen.order is None:
            found = search.newest(self._connection, workspace_id, chosen, limit + 1)
            following = found[limit - 1] if len(found) > limit else None
        else:
            found = search.ordered(self._connection, workspace_id, chosen, chosen.order, limit + 1)
            following = (chosen.before or 0) + limit if len(found) > limit else None
        return self._of_seqs(found[:limit]), following

    def with_status(self, statuses: Sequence[str], pool: str | None = None) -> list[Run]:
        query = _RUNS.where(runs.c.status.in_(statuses))
        if pool is not None:
            query = query.where(runs.c.pool == pool)
        return [Run._make(row) for row in self._connection.execute(query.order_by(runs.c.seq))]

    def resting(self) -> list[Run]:
        return [Run._make(row) for row in self._connection.execute(_RESTING)]

    def children(self, workspace_id: str, run_id: str) -> list[Run]:
        found = self._connection.execute(search.family(workspace_id, run_id)).scalars()
        return self._of_seqs(sorted(found))

    def trashed_before(self, moment: datetime) -> list[Run]:
        return [Run._make(row) for row in self._connection.execute(_TRASHED, {"moment": moment})]

    def delete(self, workspace_id: str, run_id: str) -> list[int]:
        run = {"its_run": self.seq_of(workspace_id, run_id)}
        self._held.clear()  # its children go with it
        self._seqs.clear()
        self._jobs.clear()
        logs = sorted(self._connection.execute(_LOGS, run).scalars())
        self._connection.execute(_DELETE, run)  # the rest goes with it: the tables say so
        return logs

    def seq_of(self, workspace_id: str, run_id: str) -> int:
        """The number of a run's row.

        Raises:
            NotFound: when there is no such run.
        """
        key = (workspace_id, run_id)
        if key in self._held:
            return self._held[key][0]
        if key not in self._seqs:
            seq = self._connection.execute(_SEQ, _key(*key)).scalar()
            if seq is None:
                raise no_run(run_id)
            self._seqs[key] = int(seq)
        return self._seqs[key]

    def hold(self, seq: int, run: Run) -> Run:
        """Keep a run that another query of this transaction brought."""
        self._held[run.workspace_id, run.id] = seq, run
        return run

    def _stored(self, workspace_id: str, run_id: str) -> tuple[int, Run] | None:
        key = (workspace_id, run_id)
        if key not in self._held:
            row = self._connection.execute(_NUMBERED, _key(*key)).first()
            if row is None:
                return None
            self._held[key] = row[-1], Run._make(row[:-1])
        return self._held[key]

    def _of_seqs(self, seqs: list[int]) -> list[Run]:
        found: dict[int, Run] = {}
        for start in range(0, len(seqs), AT_ONCE):
            for row in self._connection.execute(_OF_SEQS, {"asked": seqs[start : start + AT_ONCE]}):
                found[row[-1]] = Run._make(row[:-1])
        return [found[seq] for seq in seqs]

    def _one(self, query: Select[Any], values: dict[str, Any]) -> Run | None:
        row = self._connection.execute(query, values).first()
        return Run._make(row) if row else None


def no_run(run_id: str) -> NotFound:
    """The error for a run that is not there."""
    return NotFound(f'There is no run "{run_id}" in this workspace.', hint="`amlet ps` shows the runs.")


def _key(workspace_id: str, run_id: str) -> dict[str, str]:
    return {"its_workspace": workspace_id, "its_id": run_id}


def _row(run: Run) -> dict[str, Any]:
    return {**run._asdict(), "pool": run.pool}
