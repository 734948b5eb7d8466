"""Services: deployed models, and the states they pass through."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Tree
from amlet.domain.environment import Lock
from amlet.domain.job import Share
from amlet.domain.model import Resources

TRANSITIONING = "Transitioning"
UNHEALTHY = "Unhealthy"
HEALTHY = "Healthy"
FAILED = "Failed"
"""v1-behaviours 15.23."""


class Service(NamedTuple):
    """A deployed model: what is wanted, and how it is."""

    workspace_id: str
    name: str
    state: str
    model_ids: List[str]
    revision: int
    """Counts deployments under this name, from 1."""
    lock_id: Optional[str]
    resources: Optional[Resources]
    address: Optional[str]
    """`http://127.0.0.1:6789`, once it listens; kept over restarts and updates."""
    step: str
    """What the deployment does now, in words."""
    error: Optional[str]
    """Why it failed, with the replica's traceback."""
    description: Optional[str]
    tags: Dict[str, Optional[str]]
    properties: Dict[str, str]
    created: datetime
    updated: datetime
    changes: int
    """Grows with every change that a watcher would want to see."""
    target: Optional[str] = None
    """The serving target that it was deployed to; None: this machine."""


class ReplicaLease(NamedTuple):
    """One scoring process that a node is asked to keep alive, until told to end it."""

    workspace_id: str
    service: str
    revision: int
    model_id: str
    lock: Lock
    files: Tree
    share: Share
    port: Optional[int]
    """The port to take again; None lets the node choose."""
    host: str
