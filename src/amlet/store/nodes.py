"""Nodes: worker processes."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from amlet.domain.compute import Node
from amlet.store.tables import nodes
from amlet.store.upserts import put

# Built once: every look for work asks for nodes, and to build a statement takes longer than to run it.
_NODES = select(*(nodes.c[name] for name in Node._fields)).order_by(nodes.c.started, nodes.c.name)
_NODE = _NODES.where(nodes.c.name == bindparam("its_name"))
_OF_POOL = _NODES.where(nodes.c.pool == bindparam("its_pool"))
_DELETE = nodes.delete().where(nodes.c.name == bindparam("its_name"))


class Nodes:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, name: str) -> Node | None:
        row = self._connection.execute(_NODE, {"its_name": name}).first()
        return Node._make(row) if row else None

    def save(self, node: Node) -> None:
        put(self._connection, nodes, [node._asdict()])

    def delete(self, name: str) -> None:
        self._connection.execute(_DELETE, {"its_name": name})

    def list(self, pool: str | None = None) -> list[Node]:
        rows = self._connection.execute(
            _NODES if pool is None else _OF_POOL, {} if pool is None else {"its_pool": pool}
        )
        return [Node._make(row) for row in rows]
