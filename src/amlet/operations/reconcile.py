"""Compare what is wanted with what is found, and bring it about: leases and nodes. Idempotent passes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from amlet.compute.base import Engine
from amlet.compute.scaling import surplus, wanted_nodes
from amlet.domain import run as runs
from amlet.domain.compute import LOCAL, Node, node_share, pool_of, vm_size
from amlet.domain.job import Share
from amlet.operations.lease import LEASE_S
from amlet.operations.settle import end, lose
from amlet.operations.transitions import queue_topic
from amlet.store.base import Records, Transaction

LATE = timedelta(seconds=5)
"""A pass comes every second. One that comes later than this, or earlier than the last, tells of a server that was
frozen, of a disk that took no writes, or of a clock that was set: then nodes could not renew either.
"""


class Pool(NamedTuple):
    """What one queue may have."""

    name: str
    label: str
    min_nodes: int
    max_nodes: int
    idle_s: float | None
    """None: its nodes never go for want of work."""
    share: Share


class Reconciler:
    """Makes passes over leases and nodes. Called by one thread."""

    def __init__(self, records: Records, engine: Engine, machine: Share) -> None:
        self._records = records
        self._engine = engine
        self._machine = machine
        self._passed: datetime | None = None

    def _begin(self, now: datetime) -> None:
        """Nodes could not renew while the server was away, so every lease gets a fresh term."""

        def renew(tx: Transaction) -> None:
            for held in tx.leases.expired(now + timedelta(days=36_500)):
                tx.leases.save(held._replace(expires=now + timedelta(seconds=2 * LEASE_S)))

        self._records.write(renew).result()

    def pass_over(self, now: datetime) -> None:
        """One pass: lost leases first, then the nodes of every pool."""
        if self._passed is None or not timedelta(0) <= now - self._passed <= LATE:
            self._begin(now)
            self._passed = now
        self._records.write(lambda tx: expire(tx, now)).result()
        alive = self._engine.names()
        start, stop = self._records.write(lambda tx: self._plan(tx, alive, now)).result()
        for name in stop:
            self._engine.stop(name)
        for node in start:
            self._engine.start(node)
        self._passed = now

    def _plan(self, tx: Transaction, alive: set[str], now: datetime) -> tuple[list[Node], list[str]]:
        start: list[Node] = []
        stop: list[str] = []
        pools = {pool.name: pool for pool in self._pools(tx)}
        queued = tx.runs.pools()
        for node in tx.nodes.list():
            if node.pool not in pools and not node.leaving:
                tx.nodes.save(node._replace(leaving=True))
        for pool in pools.values():
            nodes = []
            for node in tx.nodes.list(pool.name):
                holds = bool(tx.leases.of_node(node.name))
                if node.name in alive or holds:
                    nodes.append(node)
                if node.name not in alive:
                    if holds:
                        start.append(node)  # the same name: it adopts what its predecessor left
                    else:
                        tx.nodes.delete(node.name)
            busy = {lease.node for lease in tx.leases.of_pool(pool.name)}
            wanted = wanted_nodes(queued.get(pool.name, 0), len(busy), pool.min_nodes, pool.max_nodes)
            staying = [node for node in nodes if not node.leaving]
            for number in range(wanted - len(staying)):
                node = Node(_name(pool, nodes, number), pool.name, pool.share, now, None)
                nodes.append(node)
                tx.nodes.save(node)
                start.append(node)
            if pool.idle_s is not None:
                for node in surplus(staying, busy, wanted, pool.idle_s, now):
                    tx.nodes.save(node._replace(leaving=True))
                    tx.touch(queue_topic(pool.name))
        for node in tx.nodes.list():
            if node.pool not in pools:
                if node.name in alive and not tx.leases.of_node(node.name):
                    stop.append(node.name)
                elif node.name not in alive:
                    tx.nodes.delete(node.name)
        return start, stop

    def _pools(self, tx: Transaction) -> list[Pool]:
        found = [Pool(LOCAL, LOCAL, 1, 1, None, self._machine)]
        for target in tx.computes.list():
            share = node_share(vm_size(target.vm_size), target.max_nodes, self._machine)
            name = pool_of(target.workspace_id, target.name)
            found.append(Pool(name, target.name, target.min_nodes, target.max_nodes, target.idle_s, share))
        return found


def expire(tx: Transaction, now: datetime) -> None:
    """Leases that were not renewed: their nodes are taken for lost."""
    for held in tx.leases.expired(now):
        run = tx.runs.find(held.workspace_id, held.run_id)
        if run is None or run.is_over:
            tx.leases.end(held.workspace_id, held.run_id)
        else:
            lose(tx, run, held.node, now)
    for run in tx.runs.with_status((runs.CANCEL_REQUESTED,)):
        if tx.leases.find(run.workspace_id, run.id) is None:
            end(tx, run, runs.CANCELED, now)


def _name(pool: Pool, nodes: list[Node], number: int) -> str:
    """The first free name of the pool: short, and the same again after a restart."""
    if pool.name == LOCAL:
        return LOCAL
    taken = {node.name for node in nodes}
    prefix = f"{pool.label}-{pool.name.partition('/')[0].removeprefix('ws_')[:6]}"
    return next(name for index in range(number, 10_000) if (name := f"{prefix}-{index}") not in taken)
