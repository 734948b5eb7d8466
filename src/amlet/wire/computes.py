"""Requests and answers about compute targets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, NamedTuple, Optional

from amlet.domain.compute import ComputeTarget, Credentials, NodeCounts, RemoteMachine
from amlet.domain.job import Share

START, STOP, RESTART = "start", "stop", "restart"


class CreateCompute(NamedTuple):
    kind: str
    vm_size: str
    vm_priority: str = "dedicated"
    min_nodes: int = 0
    max_nodes: int = 1
    idle_s: int = 1800
    description: Optional[str] = None
    tags: Dict[str, str] = {}
    location: str = "local"
    remote: Optional[RemoteMachine] = None
    """The machine of a remote target, and only of one; `credentials` come with it."""
    credentials: Optional[Credentials] = None
    details: Dict[str, Any] = {}


class UpdateCompute(NamedTuple):
    """None leaves a setting as it is."""

    min_nodes: Optional[int] = None
    max_nodes: Optional[int] = None
    idle_s: Optional[int] = None
    details: Optional[Dict[str, Any]] = None
    """Those given take the place of those of the same name."""


class SwitchCompute(NamedTuple):
    """Start, stop or restart a compute instance."""

    action: str


class ComputeState(NamedTuple):
    target: ComputeTarget
    nodes: NodeCounts
    wanted_nodes: int
    share: str
    """What a run on it really gets here, in words."""


class Computes(NamedTuple):
    computes: List[ComputeState]


class ComputeNode(NamedTuple):
    """One node of a target, and what it does."""

    name: str
    state: str
    """`preparing`, `running`, `idle` or `leaving`."""
    run_id: Optional[str]
    """The run that it holds."""
    address: Optional[str]
    """Of its machine, where we know it."""
    share: Share
    started: datetime
    idle_since: Optional[datetime]
    trouble: Optional[str] = None
    """Why it is not there yet, or not to be reached."""


class ComputeNodes(NamedTuple):
    nodes: List[ComputeNode]
