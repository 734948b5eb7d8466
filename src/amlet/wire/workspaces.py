"""Requests and answers about workspaces and experiments."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional

from amlet.domain.workspace import Workspace


class EnsureWorkspace(NamedTuple):
    """Find a workspace by its three names, or make it."""

    subscription_id: str
    resource_group: str
    name: str
    location: str = "local"
    tags: Dict[str, str] = {}
    create: bool = True
    """Make it when it is not there; without this a missing one is NotFound."""
    exist_ok: bool = True


class WorkspaceAnswer(NamedTuple):
    workspace: Workspace
    created: bool


class ExperimentQuery(NamedTuple):
    create: Optional[bool] = True
