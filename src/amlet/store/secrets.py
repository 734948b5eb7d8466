"""Sealed texts."""

from __future__ import annotations

from sqlalchemy import Connection, select

from amlet.store.tables import secrets
from amlet.store.upserts import put


class Secrets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, name: str) -> str | None:
        query = select(secrets.c.sealed).where(secrets.c.workspace_id == workspace_id, secrets.c.name == name)
        return self._connection.execute(query).scalar()

    def save(self, workspace_id: str, name: str, sealed: str) -> None:
        put(self._connection, secrets, [{"workspace_id": workspace_id, "name": name, "sealed": sealed}])

    def names(self, workspace_id: str, beginning: str) -> list[str]:
        query = select(secrets.c.name).where(
            secrets.c.workspace_id == workspace_id, secrets.c.name.startswith(beginning, autoescape=True)
        )
        return sorted(self._connection.execute(query).scalars())

    def delete(self, workspace_id: str, name: str) -> None:
        self._connection.execute(secrets.delete().where(secrets.c.workspace_id == workspace_id, secrets.c.name == name))
