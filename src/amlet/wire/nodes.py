"""Requests and answers between a node and the server."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Entry
from amlet.domain.gang import RankEnd
from amlet.domain.job import Lease, Share
from amlet.domain.run import RunError, RunWarning
from amlet.domain.service import ReplicaLease, ReplicaLoad, RouterLease


class HeldAttempt(NamedTuple):
    """An attempt that a node has in hand."""

    workspace_id: str
    run_id: str
    attempt: int


class NodeHello(NamedTuple):
    """A node presents itself, at its start and after the server's."""

    node: str
    target: str
    pid: int
    boot_id: str
    share: Share
    held: List[HeldAttempt] = []
    """What it has in hand; what else it was given is lost: an answer that never came, a predecessor that was killed."""


class NodeWelcome(NamedTuple):
    heartbeat_s: float
    serves: bool = False
    """The node is to hold replicas."""


class TakeLease(NamedTuple):
    """Ask for work for up to `wait_s` seconds; also the node's heartbeat."""

    node: str
    pool: str
    wait_s: float = 0.0
    serves: bool = False
    """It knows that it is to hold replicas."""


class LeaseAnswer(NamedTuple):
    lease: Optional[Lease]
    leave: bool = False
    """The node is no longer wanted: end."""
    serves: bool = False
    """The node is to hold replicas: `SyncReplicas` tells which."""


class AttemptQuery(NamedTuple):
    attempt: int


class LeaseState(NamedTuple):
    cancel: bool
    lease_s: float
    stop: bool = False
    """Another node of the run has ended all."""
    others: int = 0
    """How many other nodes of the run have not ended yet; told to node 0."""


class RenewLease(NamedTuple):
    attempt: int
    node: str
    wait_s: float = 0.0
    """Answer at once when the run is to be cancelled, else after this long."""
    node_rank: Optional[int] = None
    """Of a run over several nodes."""
    known: Optional[LeaseState] = None
    """Of a run over several nodes: answer at once when it is no longer so."""


class JoinGang(NamedTuple):
    """A node of a run over several nodes is ready to start; wait for the others."""

    attempt: int
    node: str
    node_rank: int
    address: str
    """Where the others reach it."""
    port: int
    """A free one of its own; node 0's is the run's."""
    wait_s: float = 0.0


class GangAnswer(NamedTuple):
    addresses: List[str]
    """Of all nodes by rank, once all are ready; empty before."""
    port: int
    stop: bool = False
    """Another node has failed: do not start."""


class EndRank(NamedTuple):
    """The end of one node's processes, after its logs, metrics and output blobs are with the server."""

    attempt: int
    node_rank: int
    end: RankEnd


class AttemptStarted(NamedTuple):
    attempt: int
    detail: str
    """How it started, in words: `cold start; build from cache`."""
    facts: Dict[str, str] = {}
    """Properties of the run: its interpreter, its machine."""
    took_s: float = 0.0
    """Since the node had its lease: build, files, imports of a warm parent."""


OUTPUTS = "outputs/"
"""How the paths of what a script writes to ./outputs begin (v1-behaviours 3.9)."""


class LiveOutputs(NamedTuple):
    """What a node sees in ./outputs while the script runs; the blobs that the server lacks follow."""

    attempt: int
    entries: List[Entry]
    known: Dict[str, str] = {}
    """By path, the hash that the node takes the server to have: only that is replaced or removed."""
    gone: List[str] = []


class LiveAnswer(NamedTuple):
    """Blobs to send first, and then nothing was recorded."""

    missing: List[str]
    others: Dict[str, str] = {}
    """By path, the hash of a file that the script has handed in meanwhile: it was left as it is."""


class LastBytes(NamedTuple):
    """The end of a growing file, which comes with the end of its attempt; what was before it is with the server."""

    name: str
    """A log's path, or a journal's name."""
    offset: int
    base64: str


class SettleAttempt(NamedTuple):
    """The end of an attempt, after its output blobs and all but the last of its logs and metrics are at the server."""

    attempt: int
    outcome: str
    """Completed, Failed or Canceled."""
    exit_code: Optional[int]
    error: Optional[RunError]
    outputs: List[Entry]
    warnings: List[RunWarning]
    collected: bool = True
    """Whether `outputs` is all there is; else what was seen while the script ran stays."""
    is_nodes_fault: bool = False
    """What failed is the node - its disk, its end - and not the script: the job may have it tried again."""
    logs: List[LastBytes] = []
    journals: List[LastBytes] = []
    ended_s: float = 0.0
    """How long ago the script ended."""
    then: Optional[TakeLease] = None
    """What the node asks for next, without waiting."""


class SettleAnswer(NamedTuple):
    """Blobs to send first; the end was not recorded then."""

    missing: List[str]
    behind: bool = False
    """The server lacks what was before the last bytes: send logs and journals by themselves; nothing was settled."""
    lease: Optional[Lease] = None
    """Of the next run, if the node asked and there is one."""


class ReplicaState(NamedTuple):
    """How one replica is, as its node sees it."""

    workspace_id: str
    service: str
    revision: int
    state: str
    port: Optional[int]
    error: Optional[str] = None
    load: Optional[ReplicaLoad] = None
    """Of all its processes; None before the first answers."""
    version: str = ""
    processes: int = 0
    """How many answer; of a router, to how many versions it hands requests."""
    is_router: bool = False
    host: Optional[str] = None
    """Where the port is, when that is not on the server's machine."""
    number: int = 0
    """Of a router: of the lease that its requests go by."""


class SyncReplicas(NamedTuple):
    """Tell the replicas that are held, wait for a change of those wanted."""

    node: str
    held: List[ReplicaState]
    known: int
    """The number that the last answer carried; -1 at first."""
    wait_s: float = 0.0
    ending: List[ReplicaState] = []
    """Those that are on their way out."""
    is_whole: bool = False
    """What is held and what is ending is all that the node has."""
    told_ns: int = 0
    """When this was so, by a clock of the node's machine that is never set: a word may come after a later one."""


class WantedReplicas(NamedTuple):
    wanted: List[ReplicaLease]
    number: int
    routers: List[RouterLease] = []
