"""Datastores."""

from __future__ import annotations

from sqlalchemy import Connection, select

from amlet.domain.data import Datastore
from amlet.store.tables import datastores
from amlet.store.upserts import put

_STORES = select(*(datastores.c[name] for name in Datastore._fields))


class Datastores:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, name: str) -> Datastore | None:
        query = _STORES.where(datastores.c.workspace_id == workspace_id, datastores.c.name == name)
        row = self._connection.execute(query).first()
        return Datastore._make(row) if row else None

    def list(self, workspace_id: str) -> list[Datastore]:
        query = _STORES.where(datastores.c.workspace_id == workspace_id)
        return sorted((Datastore._make(row) for row in self._connection.execute(query)), key=lambda held: held.name)

    def save(self, datastore: Datastore) -> None:
        put(self._connection, datastores, [datastore._asdict()])

    def delete(self, workspace_id: str, name: str) -> None:
        self._connection.execute(
            datastores.delete().where(datastores.c.workspace_id == workspace_id, datastores.c.name == name)
        )
