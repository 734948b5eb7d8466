"""The room on this machine: what runs at once never has more than the machine, whichever targets it runs on.

Nodes of several targets, and of `local`, may stand on one machine, and each target gives its nodes a share of all of
it. So a node takes a run only when its share is free. Runs have the room in the order of the queue over all targets:
what is earlier than a node's own next run is counted as if it ran already, or a run that needs the whole machine
would never find it free.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime, timedelta

from amlet.domain.compute import LOCAL_ENGINE, Node, parts_of
from amlet.domain.job import Share
from amlet.operations import held_by_services
from amlet.operations.transitions import queue_topic
from amlet.store.base import Transaction, Turn

SILENT_S = 15.0
"""A node without work asks for it every few seconds. One that has been silent for so long keeps no room free."""


class Room:
    """What the nodes of this machine hold, as one transaction sees it."""

    def __init__(self, tx: Transaction, machine: Share, now: datetime) -> None:
        self._tx = tx
        self._machine = machine
        self._now = now

    @functools.cached_property
    def _busy(self) -> set[str]:
        return {lease.node for lease in self._tx.leases.all()}

    @functools.cached_property
    def _nodes(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self._tx.nodes.list():
            found.setdefault(node.pool, []).append(node)
        return {pool: nodes for pool, nodes in found.items() if is_here(self._tx, pool)}

    def turn(self, node: Node) -> Turn | None:
        """The run that a node without work may take now."""
        own = self._tx.queue.first(node.pool)
        if own is None or node.pool not in self._nodes:
            return own
        taken = self._taken(but=node.name) + self._ahead_of(own, node.pool)
        return own if self._fits(taken, of_several(node.share, own.nodes)) else None

    def lacks_for(self, pool: str) -> bool:
        """Whether a node of the pool is without work although runs wait for it: there is no room for its share."""
        free = self._free(pool)
        return bool(free) and self._tx.queue.first(pool) is not None and self.turn(free[0]) is None

    @property
    def cores(self) -> tuple[int, int]:
        """How many cores of this machine runs have, and how many it has."""
        return sum(share.cores for share in self._taken()), self._machine.cores

    def wake(self) -> None:
        """Let the nodes of this machine look again: what there is room for has changed."""
        for pool in self._nodes:
            self._tx.touch(queue_topic(pool))

    def _taken(self, *, but: str | None = None) -> list[Share]:
        every = (node for nodes in self._nodes.values() for node in nodes)
        return [node.share for node in every if node.name in self._busy and node.name != but]

    def _ahead_of(self, turn: Turn, pool: str) -> list[Share]:
        """The shares of runs of other targets that have a node and come before this one."""
        found = []
        for other in self._nodes:
            free = self._free(other) if other != pool else []
            first = self._tx.queue.first(other) if free and self._tx.queue.waiting(other, 1) else None
            if first is not None and (-first.priority, first.number) < (-turn.priority, turn.number):
                found.append(of_several(free[0].share, first.nodes))
        return found

    def _free(self, pool: str) -> list[Node]:
        silent = self._now - timedelta(seconds=SILENT_S)
        nodes = self._nodes.get(pool, [])
        not_free = self._busy | held_by_services.full(self._tx, pool, nodes)
        return [
            node
            for node in nodes
            if node.name not in not_free and not node.leaving and node.seen is not None and node.seen > silent
        ]

    def _fits(self, taken: Iterable[Share], share: Share) -> bool:
        held = list(taken)
        if not held:
            return True  # alone it runs, whatever the machine has lost since its share was cut
        cores = sum(other.cores for other in held) + share.cores
        memory_bytes = sum(other.memory_bytes for other in held) + share.memory_bytes
        return cores <= self._machine.cores and memory_bytes <= self._machine.memory_bytes


def of_several(share: Share, count: int) -> Share:
    """What so many nodes need together."""
    return Share(share.cores * count, share.memory_bytes * count, share.gpus * count)


def is_here(tx: Transaction, pool: str) -> bool:
    """Whether the nodes of a pool stand on this machine, and so have the server's own builds."""
    if parts_of(pool) is not None:
        return True
    workspace_id, _, name = pool.partition("/")
    target = tx.computes.find(workspace_id, name)
    return target is not None and target.engine == LOCAL_ENGINE
