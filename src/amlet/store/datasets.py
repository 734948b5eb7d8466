"""Datasets, and which runs had them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from amlet.base.errors import Conflict
from amlet.domain.data import DatasetRecord, DataUse
from amlet.store.base import DatasetFilter
from amlet.store.runs import Runs
from amlet.store.tables import datasets, run_data, runs
from amlet.store.upserts import next_number, put

_DATASETS = select(*(datasets.c[name] for name in DatasetRecord._fields))
_USES = select(*(run_data.c[name] for name in DataUse._fields))
USES_LIMIT = 200


class Datasets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_version(self, workspace_id: str, name: str) -> int:
        return next_number(self._connection, f"datasets/{workspace_id}/{name}")

    def find(self, workspace_id: str, dataset_id: str) -> DatasetRecord | None:
        return self._one(_DATASETS.where(datasets.c.workspace_id == workspace_id, datasets.c.id == dataset_id))

    def same(self, workspace_id: str, content: str, name: str | None) -> DatasetRecord | None:
        named = datasets.c.name.is_(None) if name is None else datasets.c.name == name
        query = _DATASETS.where(datasets.c.workspace_id == workspace_id, datasets.c.content == content, named)
        return self._one(query.order_by(datasets.c.seq.desc()).limit(1))

    def list(self, workspace_id: str, chosen: DatasetFilter) -> list[DatasetRecord]:
        query = _DATASETS.where(datasets.c.workspace_id == workspace_id, datasets.c.name.is_not(None))
        if chosen.name is not None:
            query = query.where(datasets.c.name == chosen.name)
        if chosen.version is not None:
            query = query.where(datasets.c.version == chosen.version)
        if chosen.latest:
            other = datasets.alias()
            newest = (
                select(func.max(other.c.version))
                .where(other.c.workspace_id == datasets.c.workspace_id, other.c.name == datasets.c.name)
                .scalar_subquery()
            )
            query = query.where(datasets.c.version == newest)
        return [DatasetRecord._make(row) for row in self._connection.execute(query.order_by(datasets.c.seq.desc()))]

    def add(self, record: DatasetRecord, content: str) -> None:
        if self.find(record.workspace_id, record.id):
            raise Conflict(f"There is a dataset {record.id} already.")
        self._connection.execute(datasets.insert(), {**record._asdict(), "content": content})

    def save(self, record: DatasetRecord) -> None:
        row = {name: value for name, value in record._asdict().items() if name not in ("workspace_id", "id")}
        chosen = (datasets.c.workspace_id == record.workspace_id, datasets.c.id == record.id)
        self._connection.execute(datasets.update().where(*chosen), row)

    def _one(self, query: Any) -> DatasetRecord | None:
        row = self._connection.execute(query).first()
        return DatasetRecord._make(row) if row else None


class DataUses:
    def __init__(self, connection: Connection, runs: Runs) -> None:
        self._connection = connection
        self._runs = runs

    def put(self, workspace_id: str, run_id: str, uses: Sequence[DataUse]) -> None:
        seq = self._runs.seq_of(workspace_id, run_id)
        put(self._connection, run_data, [{"run": seq, **use._asdict()} for use in uses])

    def of_run(self, workspace_id: str, run_id: str) -> list[DataUse]:
        seq = self._runs.seq_of(workspace_id, run_id)
        query = _USES.where(run_data.c.run == seq).order_by(run_data.c.direction, run_data.c.name)
        return [DataUse._make(row) for row in self._connection.execute(query)]

    def of_dataset(self, workspace_id: str, dataset_id: str) -> list[tuple[str, DataUse]]:
        query = (
            select(runs.c.id, *(run_data.c[name] for name in DataUse._fields))
            .join(runs, runs.c.seq == run_data.c.run)
            .where(run_data.c.dataset_id == dataset_id, runs.c.workspace_id == workspace_id)
            .order_by(runs.c.seq.desc())
            .limit(USES_LIMIT)
        )
        return [(row[0], DataUse._make(row[1:])) for row in self._connection.execute(query)]
