"""Requests and answers about compute targets."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from amlet.domain.compute import ComputeTarget, NodeCounts


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


class UpdateCompute(NamedTuple):
    """None leaves a setting as it is."""

    min_nodes: Optional[int] = None
    max_nodes: Optional[int] = None
    idle_s: Optional[int] = None


class ComputeState(NamedTuple):
    target: ComputeTarget
    nodes: NodeCounts
    wanted_nodes: int
    share: str
    """What a run on it really gets here, in words."""


class Computes(NamedTuple):
    computes: List[ComputeState]
