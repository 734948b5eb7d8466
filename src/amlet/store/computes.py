"""Compute targets."""

from __future__ import annotations

from sqlalchemy import Connection, select

from amlet.domain.compute import ComputeTarget
from amlet.store.tables import computes
from amlet.store.upserts import put

_TARGETS = select(*(computes.c[name] for name in ComputeTarget._fields))


class Computes:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, name: str) -> ComputeTarget | None:
        query = _TARGETS.where(computes.c.workspace_id == workspace_id, computes.c.name == name)
        row = self._connection.execute(query).first()
        return ComputeTarget._make(row) if row else None

    def save(self, target: ComputeTarget) -> None:
        put(self._connection, computes, [target._asdict()])

    def delete(self, workspace_id: str, name: str) -> None:
        self._connection.execute(
            computes.delete().where(computes.c.workspace_id == workspace_id, computes.c.name == name)
        )

    def list(self, workspace_id: str | None = None) -> list[ComputeTarget]:
        query = _TARGETS if workspace_id is None else _TARGETS.where(computes.c.workspace_id == workspace_id)
        found = [ComputeTarget._make(row) for row in self._connection.execute(query)]
        return sorted(found, key=lambda target: (target.workspace_id, target.name))
