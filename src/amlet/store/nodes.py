"""Nodes: worker processes."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from amlet.domain.compute import Node
from amlet.store.tables import nodes
from amlet.store.upserts import put

# Built once: every look for work asks for nodes, and to build a statement takes longer than to run it.
_NODES = select(*(nodes.c[name] for name in Node._fields)).order_by(nodes.c.started, nodes.c.name)
_NODE = _NODES.where(nodes.c.name == bindparam("its_name"))
_DELETE = nodes.delete().where(nodes.c.name == bindparam("its_name"))


class Nodes:
    """They are few, and a transaction asks for them in several ways: once it has seen all, it keeps them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all: list[Node] | None = None

    def find(self, name: str) -> Node | None:
        if self._all is not None:
            return next((node for node in self._all if node.name == name), None)
        row = self._connection.execute(_NODE, {"its_name": name}).first()
        return Node._make(row) if row else None

    def save(self, node: Node) -> None:
        put(self._connection, nodes, [node._asdict()])
        if self._all is not None:
            others = [held for held in self._all if held.name != node.name]
            self._all = sorted([*others, node], key=lambda held: (held.started, held.name))

    def delete(self, name: str) -> None:
        self._connection.execute(_DELETE, {"its_name": name})
        if self._all is not None:
            self._all = [held for held in self._all if held.name != name]

    def list(self, pool: str | None = None) -> list[Node]:
        if self._all is None:
            self._all = [Node._make(row) for row in self._connection.execute(_NODES)]
        return [node for node in self._all if pool is None or node.pool == pool]
