"""What services hold of the nodes that they are spread over, and what that leaves for runs.

A node's cores and memory are shared: processes of services hold theirs for as long as they are there, a run has what is
left. A service that waits for a node comes before the runs that do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from amlet.compute.placement import Size
from amlet.domain import service as services
from amlet.domain.compute import Node, parts_of
from amlet.domain.deployment import Deployment
from amlet.domain.job import Share
from amlet.domain.model import Resources
from amlet.domain.service import Placement
from amlet.store.base import ServiceRecord, Transaction

MILLI = 1000


def full(tx: Transaction, pool: str, nodes: Iterable[Node]) -> set[str]:
    """The nodes of a pool that may have no run: services leave them no core, or one of them waits for what is left."""
    records = _records(tx, pool)
    waiting = [size_of(record.service.deployment) for record in records if lack(record)]
    found = set()
    for node in nodes if records else ():
        free = share_size(node.share).minus(taken(records, node.name))
        if free.millicores < MILLI or any(free.holds(need) for need in waiting):
            found.add(node.name)
    return found


def left_for_runs(tx: Transaction, node: Node) -> Share:
    """What a run has of a node: all but what services hold there, and a core at least."""
    records = _records(tx, node.pool)
    if not records:
        return node.share
    free = share_size(node.share).minus(taken(records, node.name))
    return node.share._replace(cores=max(1, free.millicores // MILLI), memory_bytes=free.memory_bytes)


def serving(tx: Transaction, pool: str) -> set[str]:
    """The nodes of a pool that hold processes of services."""
    return {row.node for record in _records(tx, pool) for row in record.placements}


def size_of(deployment: Deployment) -> Size:
    """What one process takes of a node: the cores and the memory that were asked for, else one core."""
    asked, most = deployment.resources or Resources(), deployment.limits or Resources()
    cpu = asked.cpu or most.cpu or 1.0
    memory_gb = asked.memory_gb or most.memory_gb or 0.0
    return Size(max(1, round(cpu * MILLI)), int(memory_gb * (1 << 30)))


def share_size(share: Share) -> Size:
    """A node's share, as processes take of it."""
    return Size(share.cores * MILLI, share.memory_bytes)


def lack(record: ServiceRecord) -> int:
    """How many of its processes have no node."""
    service = record.service
    if service.state == services.FAILED:
        return 0
    present = (row for row in record.placements if row.revision == service.revision and not row.leaving)
    return max(0, record.processes - sum(row.processes for row in present))


def taken(records: Sequence[ServiceRecord], node: str) -> Size:
    """What services hold of a node. Two revisions of one have the larger's room: one takes the other's place."""
    found = Size(0, 0)
    for record in records:
        rows = [row for row in record.placements if row.node == node]
        sizes = [size_of(_deployment(record, row)).times(row.processes) for row in rows]
        if sizes:
            found = found.plus(Size(*map(max, zip(*sizes, strict=True))))
    return found


def _records(tx: Transaction, pool: str) -> Sequence[ServiceRecord]:
    """None are spread over this machine, which is asked about for every run on it."""
    return tx.services.of_pool(pool) if parts_of(pool) is None else []


def _deployment(record: ServiceRecord, row: Placement) -> Deployment:
    earlier = record.earlier
    is_earlier = earlier is not None and row.revision == earlier.number
    return earlier.deployment if earlier is not None and is_earlier else record.service.deployment
