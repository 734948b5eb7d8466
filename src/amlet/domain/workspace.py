"""Workspaces and the experiments in them."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, NamedTuple, Optional


class Workspace(NamedTuple):
    """One workspace, known by (subscription, group, name)."""

    id: str
    subscription_id: str
    resource_group: str
    name: str
    location: str
    tags: Dict[str, str]
    created: datetime


class Experiment(NamedTuple):
    """A named series of runs in a workspace."""

    id: str
    workspace_id: str
    name: str
    created: datetime
    tags: Dict[str, Optional[str]] = {}
    archived: Optional[datetime] = None
    """Since when it is out of the way."""
