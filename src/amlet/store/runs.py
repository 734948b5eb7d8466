"""Runs and their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Select, Text, bindparam, select, type_coerce

from amlet.base.errors import Conflict, NotFound
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.store import labels, search
from amlet.store.base import RunFilter
from amlet.store.blobs import AT_ONCE
from amlet.store.tables import jobs, run_files, runs
from amlet.store.upserts import next_number
from amlet.wire.codec import to_json

_RUNS = select(*(runs.c[name] for name in Run._fields))
_THIS = (runs.c.workspace_id == bindparam("its_workspace"), runs.c.id == bindparam("its_id"))
_RUN = _RUNS.where(*_THIS)
_SOME = _RUNS.where(
    runs.c.workspace_id == bindparam("its_workspace"), runs.c.id.in_(bindparam("its_ids", expanding=True))
).order_by(runs.c.seq)
_SEQ = select(runs.c.seq).where(*_THIS)
_LABELS = {"parameters": labels.PARAMETERS, "tags": labels.TAGS, "properties": labels.PROPERTIES}
_STORED = select(runs.c.seq, runs.c.revision, *(type_coerce(runs.c[name], Text) for name in _LABELS)).where(*_THIS)
_OF_SEQS = _RUNS.add_columns(runs.c.seq).where(runs.c.seq.in_(bindparam("asked", expanding=True)))
_LOGS = select(run_files.c.log).where(run_files.c.run == bindparam("its_run"), run_files.c.log.is_not(None))
_DELETE = runs.delete().where(runs.c.seq == bindparam("its_run"))
_TRASHED = _RUNS.where(runs.c.trashed < bindparam("moment")).order_by(runs.c.seq)
_SAVE = runs.update().where(*_THIS)
_JOB = select(jobs.c.job).join(runs, runs.c.seq == jobs.c.run).where(*_THIS)
_SUBMITTED = _RUNS.where(
    runs.c.workspace_id == bindparam("workspace_id"), runs.c.submission_id == bindparam("submission_id")
)
_RESTING = _RUNS.where(runs.c.again_at.is_not(None)).order_by(runs.c.again_at, runs.c.seq)


class Runs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, run_id: str) -> Run | None:
        return self._one(_RUN, {"its_workspace": workspace_id, "its_id": run_id})

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
        labels.add(self._connection, seq, {kind: getattr(run, field) for field, kind in _LABELS.items()})
        return numbered

    def save(self, run: Run) -> Run:
        stored = self._connection.execute(_STORED, _key(run.workspace_id, run.id)).first()
        if stored is None:
            raise no_run(run.id)
        seq, revision, *before = stored
        saved = run._replace(revision=revision + 1)
        row = _row(saved)
        del row["workspace_id"], row["id"]  # setting them, even to what they are, would have every lease checked
        self._connection.execute(_SAVE, {**row, **_key(run.workspace_id, run.id)})
        for (field, kind), text in zip(_LABELS.items(), before, strict=True):
            if to_json(row[field]).decode("ascii") != text:
                labels.replace(self._connection, seq, kind, row[field])
        return saved

    def job(self, workspace_id: str, run_id: str) -> Job:
        found = self._connection.execute(_JOB, _key(workspace_id, run_id)).scalar()
        if found is None:
            seq_of(self._connection, workspace_id, run_id)
            raise NotFound(f'Run "{run_id}" has no job: it is an interactive run.')
        return cast("Job", found)

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
        run = {"its_run": seq_of(self._connection, workspace_id, run_id)}
        logs = sorted(self._connection.execute(_LOGS, run).scalars())
        self._connection.execute(_DELETE, run)  # the rest goes with it: the tables say so
        return logs

    def _of_seqs(self, seqs: list[int]) -> list[Run]:
        found: dict[int, Run] = {}
        for start in range(0, len(seqs), AT_ONCE):
            for row in self._connection.execute(_OF_SEQS, {"asked": seqs[start : start + AT_ONCE]}):
                found[row[-1]] = Run._make(row[:-1])
        return [found[seq] for seq in seqs]

    def _one(self, query: Select[Any], values: dict[str, Any]) -> Run | None:
        row = self._connection.execute(query, values).first()
        return Run._make(row) if row else None


def seq_of(connection: Connection, workspace_id: str, run_id: str) -> int:
    """The number of a run's row.

    Raises:
        NotFound: when there is no such run.
    """
    seq = connection.execute(_SEQ, _key(workspace_id, run_id)).scalar()
    if seq is None:
        raise no_run(run_id)
    return int(seq)


def no_run(run_id: str) -> NotFound:
    """The error for a run that is not there."""
    return NotFound(f'There is no run "{run_id}" in this workspace.', hint="`amlet ps` shows the runs.")


def _key(workspace_id: str, run_id: str) -> dict[str, str]:
    return {"its_workspace": workspace_id, "its_id": run_id}


def _row(run: Run) -> dict[str, Any]:
    return {**run._asdict(), "pool": run.pool}
