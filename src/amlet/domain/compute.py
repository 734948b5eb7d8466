"""Compute targets: their sizes, the share of a job, and what a node is."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, NamedTuple, Optional

from amlet.domain.job import Share

LOCAL = "local"
"""The target that every workspace has: the whole machine, one run at a time."""


class VmSize(NamedTuple):
    """What Azure meant by a size."""

    cores: int
    memory_gib: float
    gpus: int = 0


VM_SIZES: Dict[str, VmSize] = {
    "STANDARD_D1_V2": VmSize(1, 3.5),
    "STANDARD_D2_V2": VmSize(2, 7),
    "STANDARD_D3_V2": VmSize(4, 14),
    "STANDARD_D4_V2": VmSize(8, 28),
    "STANDARD_D5_V2": VmSize(16, 56),
    "STANDARD_D11_V2": VmSize(2, 14),
    "STANDARD_D12_V2": VmSize(4, 28),
    "STANDARD_D13_V2": VmSize(8, 56),
    "STANDARD_D14_V2": VmSize(16, 112),
    "STANDARD_DS1_V2": VmSize(1, 3.5),
    "STANDARD_DS2_V2": VmSize(2, 7),
    "STANDARD_DS3_V2": VmSize(4, 14),
    "STANDARD_DS4_V2": VmSize(8, 28),
    "STANDARD_DS5_V2": VmSize(16, 56),
    "STANDARD_DS11_V2": VmSize(2, 14),
    "STANDARD_DS12_V2": VmSize(4, 28),
    "STANDARD_DS13_V2": VmSize(8, 56),
    "STANDARD_DS14_V2": VmSize(16, 112),
    "STANDARD_D2S_V3": VmSize(2, 8),
    "STANDARD_D4S_V3": VmSize(4, 16),
    "STANDARD_D8S_V3": VmSize(8, 32),
    "STANDARD_D16S_V3": VmSize(16, 64),
    "STANDARD_D2_V3": VmSize(2, 8),
    "STANDARD_D4_V3": VmSize(4, 16),
    "STANDARD_D8_V3": VmSize(8, 32),
    "STANDARD_E4S_V3": VmSize(4, 32),
    "STANDARD_E8S_V3": VmSize(8, 64),
    "STANDARD_F2S_V2": VmSize(2, 4),
    "STANDARD_F4S_V2": VmSize(4, 8),
    "STANDARD_F8S_V2": VmSize(8, 16),
    "STANDARD_F16S_V2": VmSize(16, 32),
    "STANDARD_A1_V2": VmSize(1, 2),
    "STANDARD_A2_V2": VmSize(2, 4),
    "STANDARD_A4_V2": VmSize(4, 8),
    "STANDARD_NC6": VmSize(6, 56, 1),
    "STANDARD_NC12": VmSize(12, 112, 2),
    "STANDARD_NC6S_V3": VmSize(6, 112, 1),
}
"""Azure's common sizes, by upper-case name. Facts of its public size tables."""


class ComputeTarget(NamedTuple):
    """Where runs go: a name in a workspace, and how many nodes of which size it may have."""

    workspace_id: str
    name: str
    kind: str
    """`AmlCompute`; the target `local` is not a record."""
    vm_size: str
    vm_priority: str
    min_nodes: int
    max_nodes: int
    idle_s: int
    """Seconds without work after which a node goes."""
    description: Optional[str]
    tags: Dict[str, str]
    location: str
    created: datetime
    modified: datetime


class NodeCounts(NamedTuple):
    """How many nodes a target has now, by what they do."""

    preparing: int = 0
    running: int = 0
    idle: int = 0
    leaving: int = 0

    @property
    def current(self) -> int:
        return self.preparing + self.running + self.idle + self.leaving


class Node(NamedTuple):
    """One worker process that leases jobs of one target."""

    name: str
    pool: str
    """Which queue it serves: see `pool_of`."""
    share: Share
    started: datetime
    idle_since: Optional[datetime]
    """Since when it has had no work; None while it works or has not said hello."""
    seen: Optional[datetime] = None
    """When it last called; None before its hello."""
    leaving: bool = False


def pool_of(workspace_id: str, target: str) -> str:
    """The queue that a target's nodes serve. `local` is this machine, one queue for all workspaces."""
    return LOCAL if target == LOCAL else f"{workspace_id}/{target}"


def vm_size(name: str) -> Optional[VmSize]:
    """What a size's name means, in any case, or None when we do not know it."""
    return VM_SIZES.get(name.upper())


def node_share(asked: Optional[VmSize], max_nodes: int, machine: Share) -> Share:
    """What a node on this machine gets: min(size asked, machine / max_nodes), at least one core.

    Args:
        asked: The size of the target, or None for one we do not know: the even part.
        max_nodes: How many nodes may share the machine.
        machine: What the machine has.
    """
    cores = max(1, machine.cores // max(1, max_nodes))
    memory_bytes = machine.memory_bytes // max(1, max_nodes)
    if asked is not None:
        cores = min(cores, asked.cores)
        memory_bytes = min(memory_bytes, int(asked.memory_gib * (1 << 30)))
    return Share(cores, memory_bytes)
