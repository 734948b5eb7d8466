"""Gangs: the nodes of attempts that are spread over several."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from amlet.domain.gang import Gang
from amlet.store.tables import gangs
from amlet.store.upserts import put

_GANG = select(gangs.c.gang).where(
    gangs.c.workspace_id == bindparam("workspace_id"), gangs.c.run_id == bindparam("run_id")
)


class Gangs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, run_id: str) -> Gang | None:
        values = {"workspace_id": workspace_id, "run_id": run_id}
        found: Gang | None = self._connection.execute(_GANG, values).scalar()
        return found

    def save(self, workspace_id: str, run_id: str, gang: Gang) -> None:
        put(self._connection, gangs, [{"workspace_id": workspace_id, "run_id": run_id, "gang": gang}])
