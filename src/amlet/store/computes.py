"""Compute targets."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from amlet.domain.compute import ComputeTarget
from amlet.store.tables import computes
from amlet.store.upserts import put

_TARGETS = select(*(computes.c[name] for name in ComputeTarget._fields))
_THIS = (computes.c.workspace_id == bindparam("its_workspace"), computes.c.name == bindparam("its_name"))
_TARGET = _TARGETS.where(*_THIS)
_DELETE = computes.delete().where(*_THIS)


class Computes:
    """A transaction asks for the target of every node that it looks at: what it has found, it keeps."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[tuple[str, str], ComputeTarget | None] = {}

    def find(self, workspace_id: str, name: str) -> ComputeTarget | None:
        key = (workspace_id, name)
        if key not in self._found:
            row = self._connection.execute(_TARGET, {"its_workspace": workspace_id, "its_name": name}).first()
            self._found[key] = ComputeTarget._make(row) if row else None
        return self._found[key]

    def save(self, target: ComputeTarget) -> None:
        put(self._connection, computes, [target._asdict()])
        self._found.clear()

    def delete(self, workspace_id: str, name: str) -> None:
        self._connection.execute(_DELETE, {"its_workspace": workspace_id, "its_name": name})
        self._found.clear()

    def list(self, workspace_id: str | None = None) -> list[ComputeTarget]:
        query = _TARGETS if workspace_id is None else _TARGETS.where(computes.c.workspace_id == workspace_id)
        found = [ComputeTarget._make(row) for row in self._connection.execute(query)]
        return sorted(found, key=lambda target: (target.workspace_id, target.name))
