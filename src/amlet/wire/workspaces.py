"""Requests and answers about workspaces and experiments."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from amlet.domain.workspace import Experiment, Workspace


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


class Workspaces(NamedTuple):
    workspaces: List[Workspace]


class ExperimentQuery(NamedTuple):
    """Which experiments: `active`, `archived` or `all`."""

    view: str = "active"


class Experiments(NamedTuple):
    experiments: List[Experiment]


class UpdateExperiment(NamedTuple):
    """None leaves a setting as it is."""

    set_tags: Dict[str, Optional[str]] = {}
    remove_tags: List[str] = []
    archived: Optional[bool] = None
