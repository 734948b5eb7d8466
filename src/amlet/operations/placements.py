"""Services over several nodes: which nodes of a target hold their processes, and how many more nodes they need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from amlet.compute.placement import Size, nodes_to_add, place
from amlet.domain import service as services
from amlet.domain.compute import LOCAL, Node, pool_of
from amlet.domain.job import Share
from amlet.domain.service import Placement
from amlet.operations import spread
from amlet.operations.held_by_services import MILLI, lack, share_size, size_of, taken
from amlet.operations.service_records import replicas_topic
from amlet.operations.transitions import queue_topic
from amlet.store.base import ServiceRecord, Transaction

SOON = timedelta(seconds=15)
"""So long a fresh service of several processes waits for the second of its nodes, rather than begin on one."""


class Pool(NamedTuple):
    """The nodes of a target, as a pass of the reconciler sees them."""

    name: str
    target: str
    now: datetime
    nodes: Sequence[Node]
    """Those on record."""
    lost: Collection[str] = ()
    """The names of those that are gone, or do not answer."""
    busy: Collection[str] = ()
    """The names of those that hold a run, which has all that services had left of them."""
    fresh: Share = Share(1, 0)
    """What another node would have."""
    max_nodes: int = 0
    why_none: str | None = None
    """Why there are no nodes, whatever is asked for."""


class Arranged(NamedTuple):
    """What is to follow from it for the nodes."""

    serving: set[str]
    """Those that hold processes of services, or are to hold some."""
    more: int
    """How many further nodes are asked for."""


def pool_for(tx: Transaction, workspace_id: str, target: str | None) -> str | None:
    """The queue whose nodes hold a service of this target; None where the server's machine does."""
    found = tx.computes.find(workspace_id, target) if target not in (None, LOCAL) else None
    return pool_of(workspace_id, found.name) if found is not None and found.has_nodes else None


def arrange(tx: Transaction, pool: Pool) -> Arranged:
    """Place the services of a pool on its nodes, and say why those wait that have no place."""
    records = list(tx.services.of_pool(pool.name))
    usable = _usable(pool, records)
    fresh = share_size(pool.fresh)
    serving: set[str] = set()
    missing: list[tuple[int, Size]] = []
    least = 0
    for number, record in enumerate(records):
        placed = _placed(record, usable, pool, [*records[:number], *records[number + 1 :]])
        records[number] = placed
        short, need = lack(placed), size_of(placed.service.deployment)
        missing.append((short, need))
        if placed.processes > 1 and placed.service.state != services.FAILED and fresh.holds(need):
            # One node might have room for all of it, and would silence it when it is lost.
            least = max(least, 2 - len({row.node for row in placed.placements if not row.leaving}))
        waits = _why(pool, usable, records, need) if short else None
        _save(tx, record, placed, pool, waits)
        serving.update(row.node for row in placed.placements)
    more = max(least, nodes_to_add(missing, fresh)) if pool.why_none is None else 0
    return Arranged(serving, more)


def _usable(pool: Pool, records: Sequence[ServiceRecord]) -> dict[str, Node]:
    """Nodes that may hold processes; where the target's bounds were lowered, those that hold something first."""
    found = [node for node in pool.nodes if node.seen is not None and not node.leaving and node.name not in pool.lost]
    held = {row.node for record in records for row in record.placements}
    found.sort(key=lambda node: (node.name not in pool.busy, node.name not in held, node.started, node.name))
    return {node.name: node for node in found[: pool.max_nodes]}


def _placed(
    record: ServiceRecord, usable: Mapping[str, Node], pool: Pool, others: Sequence[ServiceRecord]
) -> ServiceRecord:
    revision = record.service.revision
    rows = [row for row in record.placements if row.node in usable]
    present = {row.node: row.processes for row in rows if row.revision == revision and not row.leaving}
    # A revision begins where the one before it answers.
    before = {row.node: row.processes for row in rows if row.revision != revision}
    free = {}
    for name, node in usable.items():
        whole = share_size(node.share)
        free[name] = taken([record], name) if name in pool.busy else whole.minus(taken(others, name))
    count = 0 if record.service.state == services.FAILED else record.processes
    is_new = not record.is_proven and record.earlier is None
    if is_new and len(usable) == 1 and any(_is_coming(node, pool.now) for node in pool.nodes):
        count -= count // 2  # else it would all begin on the one, and part of it move at once
    target = place(count, size_of(record.service.deployment), free, present or before)
    earlier = record.earlier.number if record.earlier is not None else None
    made = []
    for row in rows:
        if row.revision == revision:
            processes = target.pop(row.node, 0)
            made.append(row._replace(processes=processes or row.processes, leaving=not processes))
        else:
            made.append(row._replace(leaving=row.leaving or row.revision != earlier))
    made += [Placement(name, revision, processes) for name, processes in sorted(target.items())]
    return record._replace(placements=made) if made != record.placements else record


def _is_coming(node: Node, now: datetime) -> bool:
    """Whether a node is about to be there."""
    return node.seen is None and not node.leaving and not node.trouble and now - node.started < SOON


def _save(tx: Transaction, before: ServiceRecord, after: ServiceRecord, pool: Pool, waits: str | None) -> None:
    spread.settle(tx, after, before=before, waits=waits)
    if after.placements != before.placements:
        tx.touch(queue_topic(pool.name))  # a node that is to hold its first replica waits there
        for name in {row.node for row in before.placements}:
            tx.touch(replicas_topic(name))


def _why(pool: Pool, usable: Mapping[str, Node], records: Sequence[ServiceRecord], need: Size) -> str:
    """Why a process has no node, in words that change only with the reason."""
    if pool.why_none is not None:
        return pool.why_none
    said = f"{need.millicores / MILLI:g} {'core' if need.millicores == MILLI else 'cores'}"
    if need.memory_bytes:
        said += f" and {need.memory_bytes / (1 << 30):g} GB"
    if not share_size(pool.fresh).holds(need):
        return f"a process needs {said}, which no node of {pool.target} has"
    coming = [node for node in pool.nodes if node.name not in usable and not node.leaving]
    troubles = [node.trouble for node in coming if node.trouble]
    if troubles:
        return troubles[0].rstrip(".")
    if len(pool.nodes) < pool.max_nodes or coming:
        return "a node is being started" if len(coming) < 2 else f"{len(coming)} nodes are being started"
    running = sum(name in pool.busy for name in usable)
    served = len({row.node for record in records for row in record.placements} & set(usable))
    parts = [f"{running} run scripts" if running else "", f"{served} serve models" if served else ""]
    held = " and ".join(part for part in parts if part) or "none has room"
    return f"of its {len(usable)} {'node' if len(usable) == 1 else 'nodes'} {held}, and none has {said} free"
