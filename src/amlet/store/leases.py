"""Leases: which node holds which attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from amlet.store.base import LeaseRecord
from amlet.store.tables import gangs, leases
from amlet.store.upserts import put

_LEASES = select(*(leases.c[name] for name in LeaseRecord._fields))
_THIS = (leases.c.workspace_id == bindparam("workspace_id"), leases.c.run_id == bindparam("run_id"))
_LEASE = _LEASES.where(*_THIS, leases.c.node_rank == bindparam("node_rank"))
_END = leases.delete().where(*_THIS)
_END_GANG = gangs.delete().where(
    gangs.c.workspace_id == bindparam("workspace_id"), gangs.c.run_id == bindparam("run_id")
)
_END_RANK = _END.where(leases.c.node_rank == bindparam("node_rank"))
_EXPIRED = _LEASES.where(leases.c.expires <= bindparam("now")).order_by(leases.c.expires)
_ALL = _LEASES.order_by(leases.c.pool, leases.c.node)


class Leases:
    """They are as few as the nodes: once a transaction has asked for those of one, it keeps all until one changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all: list[LeaseRecord] | None = None

    def find(self, workspace_id: str, run_id: str, node_rank: int = 0) -> LeaseRecord | None:
        values = {"workspace_id": workspace_id, "run_id": run_id, "node_rank": node_rank}
        row = self._connection.execute(_LEASE, values).first()
        return LeaseRecord._make(row) if row else None

    def save(self, lease: LeaseRecord) -> None:
        put(self._connection, leases, [lease._asdict()])
        self._all = None

    def end(self, workspace_id: str, run_id: str) -> None:
        values = {"workspace_id": workspace_id, "run_id": run_id}
        self._connection.execute(_END, values)
        self._connection.execute(_END_GANG, values)
        self._all = None

    def end_rank(self, workspace_id: str, run_id: str, node_rank: int) -> None:
        values = {"workspace_id": workspace_id, "run_id": run_id, "node_rank": node_rank}
        self._connection.execute(_END_RANK, values)
        self._all = None

    def expired(self, now: datetime) -> list[LeaseRecord]:
        return self._some(_EXPIRED, {"now": now})

    def of_node(self, node: str) -> list[LeaseRecord]:
        return [lease for lease in self.all() if lease.node == node]

    def of_pool(self, pool: str) -> list[LeaseRecord]:
        return [lease for lease in self.all() if lease.pool == pool]

    def all(self) -> list[LeaseRecord]:
        if self._all is None:
            self._all = self._some(_ALL, {})
        return self._all

    def _some(self, query: Select[Any], values: dict[str, Any]) -> list[LeaseRecord]:
        return [LeaseRecord._make(row) for row in self._connection.execute(query, values)]
