"""Compute targets: their sizes, the share of a job, and what a node is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, NamedTuple, Optional

from amlet.domain.job import Share
from amlet.domain.vm_sizes import VmSize

LOCAL = "local"
"""The target that every workspace has: the whole machine, one run at a time."""


AML_COMPUTE = "AmlCompute"
COMPUTE_INSTANCE = "ComputeInstance"
REMOTE = "VirtualMachine"
AKS = "AKS"
KINDS = (AML_COMPUTE, COMPUTE_INSTANCE, REMOTE, AKS)
"""What a target can be, in v1's words."""

LOCAL_ENGINE = "local"
SSH_ENGINE = "ssh"
RAY_ENGINE = "ray"
"""Who starts and ends the nodes of a target."""


class RemoteMachine(NamedTuple):
    """A machine that is reached over SSH. What it is signed in with is kept apart, sealed."""

    address: str
    port: int
    username: str
    signs_in_with: str
    """`password` or `key`."""


class Credentials(NamedTuple):
    """What a remote machine is signed in with: a password, or a private key and the phrase that opens it."""

    password: Optional[str] = None
    private_key: Optional[str] = None
    passphrase: Optional[str] = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class ComputeTarget(NamedTuple):
    """Where runs go: a name in a workspace, and how many nodes of which size it may have."""

    workspace_id: str
    name: str
    kind: str
    """One of KINDS; the target `local` is not a record."""
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
    engine: str = LOCAL_ENGINE
    is_stopped: bool = False
    """Of a compute instance: it has no node, and runs wait until it is started."""
    remote: Optional[RemoteMachine] = None
    details: Dict[str, Any] = {}
    """Settings of its kind as the SDK wrote them. Kept and given back, never read by the server."""

    @property
    def takes_runs(self) -> bool:
        """Whether scripts run on it; the others serve models alone."""
        return self.kind != AKS

    @property
    def has_nodes(self) -> bool:
        """Whether it has nodes of its own; what serves models alone has them only where machines come with it."""
        return self.takes_runs or self.engine != LOCAL_ENGINE

    @property
    def scale(self) -> Scale:
        """How many nodes there should be now."""
        if self.is_stopped:
            return Scale(0, 0, 0)
        # An instance is there until it is stopped, whether it has work or not.
        return Scale(self.min_nodes, self.max_nodes, None if self.kind == COMPUTE_INSTANCE else self.idle_s)

    @property
    def why_no_node(self) -> Optional[str]:
        """Why runs of this target wait whatever its nodes do, in words; None when nothing holds them."""
        if self.is_stopped:
            return f'compute instance "{self.name}" is stopped; ComputeInstance.start() starts it'
        return None


class Scale(NamedTuple):
    """The bounds of a target's nodes."""

    min_nodes: int
    max_nodes: int
    idle_s: Optional[int]
    """Seconds without work after which a node goes; None: never for want of work."""


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
    trouble: Optional[str] = None
    """Why it is not there yet, or not to be reached, as its engine tells it."""


def pool_of(workspace_id: str, target: str, parts: int = 1) -> str:
    """The queue that a target's nodes serve. `local` is this machine, its queues are those of all workspaces.

    Args:
        parts: Into how many parts `local` is cut for a run: trials of a sweep run beside each other there.
    """
    if target != LOCAL:
        return f"{workspace_id}/{target}"
    return LOCAL if parts == 1 else f"{LOCAL}/{parts}"


def parts_of(pool: str) -> Optional[int]:
    """Into how many parts this machine is cut for the runs of a pool of `local`; None for any other pool."""
    if pool == LOCAL:
        return 1
    target, _, parts = pool.partition("/")
    return int(parts) if target == LOCAL else None


PREPARING, RUNNING, IDLE, LEAVING = "preparing", "running", "idle", "leaving"
"""What a node does, in v1's words."""


def node_state(node: Node, *, is_busy: bool) -> str:
    """What a node does now. One that is told to go is `leaving`, also while it ends the run that it holds."""
    if node.leaving:
        return LEAVING
    if is_busy:
        return RUNNING
    return PREPARING if node.seen is None else IDLE


def node_share(asked: Optional[VmSize], max_nodes: int, machine: Share) -> Share:
    """What a node on this machine gets: min(size asked, machine / max_nodes), at least one core.

    Args:
        asked: The size of the target, or None for one we do not know: the even part.
        max_nodes: How many nodes may share the machine.
        machine: What the machine has.
    """
    cores = max(1, machine.cores // max(1, max_nodes))
    memory_bytes = machine.memory_bytes // max(1, max_nodes)
    gpus = machine.gpus // max(1, max_nodes)
    if asked is not None:
        cores = min(cores, asked.cores)
        memory_bytes = min(memory_bytes, int(asked.memory_gib * (1 << 30)))
        gpus = min(gpus, asked.gpus)
    return Share(cores, memory_bytes, gpus)
