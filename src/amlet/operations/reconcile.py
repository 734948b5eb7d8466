"""Compare what is wanted with what is found, and bring it about: leases and nodes. Idempotent passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from amlet.compute.base import Engine
from amlet.compute.scaling import plan, wanted_nodes
from amlet.domain import run as runs
from amlet.domain.compute import (
    LOCAL,
    LOCAL_ENGINE,
    RAY_ENGINE,
    ComputeTarget,
    Node,
    Scale,
    node_share,
    parts_of,
    pool_of,
)
from amlet.domain.job import Share
from amlet.domain.sweep import HYPERDRIVE
from amlet.domain.vm_sizes import vm_size
from amlet.operations import placements
from amlet.operations.autoscale import Autoscaling
from amlet.operations.gang import outlives
from amlet.operations.lease import LEASE_S
from amlet.operations.retry import end_rests
from amlet.operations.settle import end, lose
from amlet.operations.transitions import queue_topic
from amlet.operations.waiting import no_engine
from amlet.store.base import Records, Transaction

PART_IDLE_S = 60
"""A node that has a part of this machine, for a sweep, goes after so long without work."""

LATE = timedelta(seconds=5)
"""A pass comes every second. One that comes later than this, or earlier than the last, tells of a server that was
frozen, of a disk that took no writes, or of a clock that was set: then nodes could not renew either.
"""


class Pool(NamedTuple):
    """What one queue may have."""

    name: str
    label: str
    scale: Scale
    share: Share
    engine: str = LOCAL_ENGINE


class Reconciler:
    """Makes passes over leases and nodes. Called by one thread."""

    def __init__(
        self,
        records: Records,
        engine: Engine,
        machine: Share,
        *,
        engines: Collection[str] = (LOCAL_ENGINE,),
        autoscaling: Autoscaling | None = None,
    ) -> None:
        """
        Args:
            engines: The kinds of targets that `engine` can start nodes of: see `ComputeTarget.engine`.
            autoscaling: Of services over several nodes; None leaves each at its least.
        """
        self._engines = engines
        self._autoscaling = autoscaling
        self._records = records
        self._engine = engine
        self._machine = machine
        self._passed: datetime | None = None
        self._serving: set[str] = set()
        """Nodes that held processes of services at the last pass."""
        self._steady: datetime | None = None
        """Since when passes have come in time."""

    def _begin(self, now: datetime) -> None:
        """Nodes could not renew while the server was away, so every lease gets a fresh term. And what was noted by a
        clock that has been set back since would count as fresh until that time comes again.
        """

        def renew(tx: Transaction) -> None:
            for node in tx.nodes.list():
                seen, idle_since = (moment and min(moment, now) for moment in (node.seen, node.idle_since))
                if (seen, idle_since) != (node.seen, node.idle_since):
                    tx.nodes.save(node._replace(seen=seen, idle_since=idle_since))
            for held in tx.leases.expired(now + timedelta(days=36_500)):
                tx.leases.save(held._replace(expires=now + timedelta(seconds=2 * LEASE_S)))

        self._records.write(renew).result()

    def pass_over(self, now: datetime) -> None:
        """One pass: lost leases first, then the nodes of every pool."""
        if self._passed is None or not timedelta(0) <= now - self._passed <= LATE:
            self._begin(now)
            self._passed = self._steady = now
        alive, troubles = self._engine.names(), self._engine.troubles()

        def work(tx: Transaction) -> tuple[list[Node], list[str]]:
            expire(tx, now)
            end_rests(tx, now)
            if self._autoscaling is not None:
                self._autoscaling.pass_over(tx)
            return self._plan(tx, alive, troubles, now)

        start, stop = self._records.write(work).result()
        for name in stop:
            self._engine.stop(name)
        for node in start:
            self._engine.start(node)
        self._passed = now

    def _plan(
        self, tx: Transaction, alive: set[str], troubles: Mapping[str, str], now: datetime
    ) -> tuple[list[Node], list[str]]:
        start: list[Node] = []
        stop: list[str] = []
        pools = {pool.name: pool for pool in self._pools(tx)}
        for node in tx.nodes.list():
            told = node._replace(leaving=node.leaving or node.pool not in pools, trouble=troubles.get(node.name))
            if told != node:
                tx.nodes.save(told)
        for pool in pools.values():
            nodes = tx.nodes.list(pool.name)
            held = {lease.node for lease in tx.leases.of_pool(pool.name)}
            queued = tx.queue.waiting(pool.name, pool.scale.max_nodes)
            alive_here = alive if pool.engine != RAY_ENGINE else alive.union(_heard(nodes, now))
            silent = self._silent(nodes, now)
            lost = silent if pool.engine != RAY_ENGINE else silent | {node.name for node in nodes} - alive_here
            asked = self._place(tx, pool, nodes, lost, held, now)
            nodes = tx.nodes.list(pool.name)
            held |= asked.serving
            queued = min(pool.scale.max_nodes, queued + asked.more)
            silent -= held
            decided = plan(pool.scale, nodes, alive_here, held, queued, now, silent=silent)
            if pool.engine != RAY_ENGINE:
                start += decided.revive
            else:  # Ray places a name anew on any machine, where there is nothing to take up
                stop += [node.name for node in _not_come(pool.scale, nodes, len(held), queued, now)]
            taken = {node.name for node in nodes}
            for node in decided.forget:
                tx.nodes.delete(node.name)
                taken.discard(node.name)
            for _ in range(decided.add):
                name = _free_name(pool, taken)
                node = Node(name, pool.name, pool.share, now, None, trouble=troubles.get(name))
                taken.add(node.name)
                tx.nodes.save(node)
                start.append(node)
            for node in decided.leave:
                tx.nodes.save(node._replace(leaving=True))
                tx.touch(queue_topic(pool.name))
        for name in {record.pool for record in tx.services.list() if record.pool is not None} - set(pools):
            target, why = name.partition("/")[2], self._no_nodes(tx, name)
            placements.arrange(tx, placements.Pool(name, target, now, [], why_none=why))
        for node in tx.nodes.list():
            if node.pool not in pools:
                if node.name in alive and not tx.leases.of_node(node.name):
                    stop.append(node.name)
                elif node.name not in alive:
                    tx.nodes.delete(node.name)
        return start, stop

    def _place(
        self, tx: Transaction, pool: Pool, nodes: list[Node], lost: set[str], busy: set[str], now: datetime
    ) -> placements.Arranged:
        """Place services on the nodes of a pool. The idle time of a node begins when it holds none any more."""
        if parts_of(pool.name) is not None:
            return placements.Arranged(set(), 0)
        target = pool.name.partition("/")[2]
        found = placements.arrange(
            tx, placements.Pool(pool.name, target, now, nodes, lost, busy, pool.share, pool.scale.max_nodes)
        )
        names = {node.name for node in nodes}
        for node in nodes:
            if node.name in self._serving - found.serving and node.name not in busy:
                tx.nodes.save(node._replace(idle_since=now))
        self._serving = (self._serving - names) | found.serving
        return found

    def _no_nodes(self, tx: Transaction, pool: str) -> str:
        workspace_id, _, name = pool.partition("/")
        target = tx.computes.find(workspace_id, name)
        engine = target.engine if target is not None else None
        return no_engine(engine) if engine is not None and engine not in self._engines else "it has no nodes"

    def _silent(self, nodes: list[Node], now: datetime) -> set[str]:
        """Nodes that have not asked for anything, although the server was there to be asked."""
        since = now - timedelta(seconds=LEASE_S)
        if self._steady is None or self._steady > since:
            return set()
        return {node.name for node in nodes if node.seen is not None and node.seen < since}

    def _pools(self, tx: Transaction) -> list[Pool]:
        found = [Pool(LOCAL, LOCAL, Scale(1, 1, None), self._machine)]
        cut = {parts for node in tx.nodes.list() if (parts := parts_of(node.pool)) is not None}
        cut.update(tx.sweeps.parts())
        for parts in sorted(cut - {1}):
            most = min(parts, self._machine.cores)
            share = node_share(None, most, self._machine)
            name = pool_of("", LOCAL, parts)
            found.append(Pool(name, f"{LOCAL}-{parts}", Scale(0, most, PART_IDLE_S), share))
        for target in tx.computes.list():
            if not target.has_nodes or target.engine not in self._engines:
                continue
            share = self._share(target)
            name = pool_of(target.workspace_id, target.name)
            found.append(Pool(name, target.name, target.scale, share, target.engine))
        return found

    def _share(self, target: ComputeTarget) -> Share:
        size = vm_size(target.vm_size)
        if target.engine == RAY_ENGINE and size is not None:
            # A machine of its own: the node gets what was asked, or what that machine has.
            return Share(size.cores, int(size.memory_gib * (1 << 30)), size.gpus)
        return node_share(size, target.max_nodes, self._machine)


def _not_come(scale: Scale, nodes: Iterable[Node], busy: int, queued: int, now: datetime) -> list[Node]:
    """Nodes that Ray has had no machine for, and that nobody needs any more: it would bring one for nothing."""
    staying = [node for node in nodes if not node.leaving]
    over = len(staying) - wanted_nodes(queued, busy, scale.min_nodes, scale.max_nodes)
    since = now - timedelta(seconds=scale.idle_s or 0)
    return [node for node in staying if node.seen is None and node.started <= since][: max(0, over)]


def _heard(nodes: Iterable[Node], now: datetime) -> set[str]:
    """Nodes that have called of late. Whatever Ray says of an actor, its node is there: a head that was lost and made
    anew knows none of those that go on.
    """
    since = now - timedelta(seconds=LEASE_S)
    return {node.name for node in nodes if node.seen is not None and node.seen > since and not node.leaving}


def expire(tx: Transaction, now: datetime) -> None:
    """Leases that were not renewed: their nodes are taken for lost."""
    for held in tx.leases.expired(now):
        run = tx.runs.find(held.workspace_id, held.run_id)
        if run is None or run.is_over:
            tx.leases.end(held.workspace_id, held.run_id)
        elif not outlives(tx, run, held):
            lose(tx, run, held.node, now)
    for run in tx.runs.with_status((runs.CANCEL_REQUESTED,)):
        if run.type != HYPERDRIVE and tx.leases.find(run.workspace_id, run.id) is None:
            end(tx, run, runs.CANCELED, now)


def _free_name(pool: Pool, taken: Collection[str]) -> str:
    """The first free name of the pool: short, and the same again after a restart."""
    if pool.name == LOCAL:
        return LOCAL
    prefix = pool.label
    if parts_of(pool.name) is None:
        prefix += "-" + pool.name.partition("/")[0].removeprefix("ws_")[:6]
    return next(name for index in range(10_000) if (name := f"{prefix}-{index}") not in taken)
