"""Nodes: worker processes."""

from __future__ import annotations

from sqlalchemy import Connection, select

from amlet.domain.compute import Node
from amlet.store.tables import nodes
from amlet.store.upserts import put

_NODES = select(*(nodes.c[name] for name in Node._fields))


class Nodes:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, name: str) -> Node | None:
        row = self._connection.execute(_NODES.where(nodes.c.name == name)).first()
        return Node._make(row) if row else None

    def save(self, node: Node) -> None:
        put(self._connection, nodes, [node._asdict()])

    def delete(self, name: str) -> None:
        self._connection.execute(nodes.delete().where(nodes.c.name == name))

    def list(self, pool: str | None = None) -> list[Node]:
        query = _NODES if pool is None else _NODES.where(nodes.c.pool == pool)
        found = [Node._make(row) for row in self._connection.execute(query)]
        return sorted(found, key=lambda node: (node.started, node.name))
