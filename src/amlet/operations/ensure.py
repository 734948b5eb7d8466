"""Find or make workspaces and experiments."""

from __future__ import annotations

from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.base.ids import short_id, uuid4_text
from amlet.domain.workspace import Experiment, Workspace
from amlet.operations.texts import faults_of_label
from amlet.store.base import Transaction
from amlet.wire.workspaces import EnsureWorkspace, WorkspaceAnswer

LABEL_LIMIT = 256


def ensure_workspace(tx: Transaction, asked: EnsureWorkspace, now: datetime) -> WorkspaceAnswer:
    """The workspace of these three names; made when `create` says so (v1-behaviours 1.7, 1.10)."""
    found = tx.workspaces.find(asked.subscription_id, asked.resource_group, asked.name)
    if found is not None:
        if not asked.exist_ok:
            raise Conflict(
                f'Workspace "{asked.name}" is there already.', hint="use Workspace.get(...), or pass exist_ok=True."
            )
        return WorkspaceAnswer(found, created=False)
    if not asked.create:
        known = [workspace.name for workspace in tx.workspaces.list()]
        raise NotFound(
            f'There is no workspace "{asked.name}" in resource group "{asked.resource_group}".',
            hint=names.closest(asked.name, known) + "Workspace.create(...) makes one.",
        )
    names.WORKSPACE.check(asked.name)
    faults = [
        fault
        for field in ("subscription_id", "resource_group", "location")
        for fault in faults_of_label(field, getattr(asked, field), LABEL_LIMIT)
    ]
    if faults:
        raise InvalidInput.of(faults, subject="the workspace")
    workspace = Workspace(
        short_id("ws"), asked.subscription_id, asked.resource_group, asked.name, asked.location, asked.tags, now
    )
    tx.workspaces.add(workspace)
    return WorkspaceAnswer(workspace, created=True)


def ensure_experiment(tx: Transaction, workspace_id: str, name: str, now: datetime) -> Experiment:
    """The experiment of that name, made on first use (v1-behaviours 2.1)."""
    found = tx.experiments.find(workspace_id, name)
    if found is not None:
        return found
    tx.workspaces.get(workspace_id)
    experiment = Experiment(uuid4_text(), workspace_id, names.EXPERIMENT.check(name), now)
    tx.experiments.add(experiment)
    return experiment
