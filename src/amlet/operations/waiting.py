"""Why a run waits, and how many are ahead of it: looked up when somebody asks, and never written to the runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from amlet.base.units import human_seconds
from amlet.domain.compute import Node, parts_of
from amlet.domain.job import Share
from amlet.domain.run import QUEUED, Run
from amlet.operations import held_by_services
from amlet.operations.gang import free_nodes
from amlet.operations.room import Room
from amlet.store.base import Transaction


class Waits(NamedTuple):
    """Runs with why each waits, and the places of those that are in a queue: how many are ahead of each."""

    runs: list[Run]
    ahead: dict[str, int]


def with_waits(
    tx: Transaction, runs: Sequence[Run], machine: Share, now: datetime, *, engines: Collection[str] | None = None
) -> Waits:
    """The same runs; of those in a queue `waiting_for` says what they wait for now.

    Args:
        engines: Those that this server has: targets of others have no nodes. None: all.
    """
    pools: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        if run.status == QUEUED:
            pools.setdefault((run.workspace_id, run.target, run.pool), []).append(run)
    said: dict[str, str] = {}
    places: dict[str, int] = {}
    for (workspace_id, target, pool), queued in pools.items():
        first = tx.queue.first(pool)
        needs = {first.run.id: first.nodes} if first is not None and first.nodes > 1 else {}
        ahead = tx.queue.ahead(workspace_id, pool, [run.id for run in queued])
        places.update(ahead)
        why = _no_engine(tx, workspace_id, target, engines) or _why(tx, workspace_id, target, pool, machine, now)
        free = len(free_nodes(tx, pool, now)) if needs else 0
        for run in queued:
            if run.again_at is not None:
                said[run.id] = _rest(run, now)
            elif run.id in ahead:
                count = needs.get(run.id, 0)
                at_once = f"needs {count} nodes at once, {free} {'is' if free == 1 else 'are'} free; "
                said[run.id] = _told(run, at_once + why if free < count else why, ahead[run.id])
    return Waits([run._replace(waiting_for=said.get(run.id, run.waiting_for)) for run in runs], places)


def usual(target: str) -> str:
    """What the record of a run in the queue says of itself."""
    return f"waits for a node of {target}"


def _told(run: Run, why: str, ahead: int) -> str:
    place = "next in the queue" if not ahead else f"{ahead:,} {'run' if ahead == 1 else 'runs'} ahead"
    before = f"{run.waiting_for}; " if run.waiting_for and run.waiting_for != usual(run.target) else ""
    return f"{before}{usual(run.target)}: {why}, {place}"


def _rest(run: Run, now: datetime) -> str:
    assert run.again_at is not None
    left_s = max(0.0, (run.again_at - now).total_seconds())
    return f"{run.waiting_for}; goes back into the queue in {human_seconds(left_s)}"


def _no_engine(tx: Transaction, workspace_id: str, name: str, engines: Collection[str] | None) -> str | None:
    target = tx.computes.find(workspace_id, name)
    if engines is None or target is None or target.engine in engines:
        return None
    return no_engine(target.engine)


def no_engine(engine: str) -> str:
    """Why a target of such an engine has no nodes."""
    return f"its nodes are brought by the engine {engine}, which this server was started without"


def _why(tx: Transaction, workspace_id: str, name: str, pool: str, machine: Share, now: datetime) -> str:
    target = tx.computes.find(workspace_id, name)
    held_back = target.why_no_node if target is not None else None
    if held_back is not None:
        return held_back
    nodes = [node for node in tx.nodes.list(pool) if not node.leaving]
    busy = {lease.node for lease in tx.leases.of_pool(pool)}
    room = Room(tx, machine, now)
    if room.lacks_for(pool):
        taken, cores = room.cores
        return f"this machine has no room beside what runs on it, {taken} of its {cores} cores are taken"
    most = target.max_nodes if target is not None else min(parts_of(pool) or 1, machine.cores)
    full = held_by_services.full(tx, pool, nodes) - busy
    return _of_nodes(nodes, busy | full, most, len(full))


def _of_nodes(nodes: Sequence[Node], busy: set[str], most: int, full: int) -> str:
    """`full` of the busy ones hold no run: services have their cores."""
    working = sum(node.name in busy for node in nodes)
    troubles = [node.trouble for node in nodes if node.trouble and node.name not in busy]
    if troubles and len(troubles) == len(nodes) - working:
        return troubles[0].rstrip(".")
    starting = sum(node.seen is None for node in nodes)
    if working >= most:
        served = f", {full} of them with services" if full else ""
        return f"{working} of {most} nodes {'is' if working == 1 else 'are'} busy{served}"
    if starting:
        return f"{starting} {'node is' if starting == 1 else 'nodes are'} starting"
    return "a node is being started" if working == len(nodes) else "a node is about to take it"
