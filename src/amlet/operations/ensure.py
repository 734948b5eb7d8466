"""Find or make workspaces and experiments."""

from __future__ import annotations

from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput, NotFound
from amlet.base.ids import short_id, uuid4_text
from amlet.domain.workspace import Experiment, Workspace
from amlet.operations.datastores import workspace_stores
from amlet.operations.edit import check_marks
from amlet.operations.texts import faults_of_label
from amlet.store.base import RunFilter, Transaction
from amlet.wire.workspaces import EnsureWorkspace, Experiments, UpdateExperiment, WorkspaceAnswer

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
    workspace_stores(tx, workspace.id, now)
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


def list_experiments(tx: Transaction, workspace_id: str, view: str) -> Experiments:
    """Experiments by name (v1-behaviours 7.11)."""
    if view not in ("active", "archived", "all"):
        raise InvalidInput(f"{view[:50]!r} is no view: it is active, archived or all.")
    tx.workspaces.get(workspace_id)
    found = tx.experiments.list(workspace_id)
    return Experiments([held for held in found if view == "all" or (held.archived is not None) == (view == "archived")])


def update_experiment(
    tx: Transaction, workspace_id: str, name: str, asked: UpdateExperiment, now: datetime
) -> Experiment:
    """Tag it, put it out of the way, or bring it back."""
    held = find_experiment(tx, workspace_id, name)
    faults = check_marks(asked.set_tags, {}, None, None)
    if faults:
        raise InvalidInput.of([FieldError(*fault) for fault in faults], subject="the experiment")
    tags = {key: value for key, value in held.tags.items() if key not in asked.remove_tags}
    archived = held.archived if asked.archived is None else ((held.archived or now) if asked.archived else None)
    changed = held._replace(tags={**tags, **asked.set_tags}, archived=archived)
    tx.experiments.save(changed)
    return changed


def delete_experiment(tx: Transaction, workspace_id: str, name: str) -> None:
    """Delete an experiment without runs.

    Raises:
        Conflict: if it has runs, also such as lie in the trash.
    """
    find_experiment(tx, workspace_id, name)
    for trashed in (False, True):
        found, _ = tx.runs.page(workspace_id, RunFilter(experiment=name, limit=1, recursive=True, trashed=trashed))
        if found:
            where = "in the trash" if trashed else "in it"
            raise Conflict(
                f'Experiment "{name}" has runs {where}, such as {found[0].id}.',
                hint="delete its runs and empty the trash first, or archive it: experiment.archive().",
            )
    tx.experiments.delete(workspace_id, name)


def find_experiment(tx: Transaction, workspace_id: str, name: str) -> Experiment:
    """The experiment of that name; NotFound with the nearest one."""
    found = tx.experiments.find(workspace_id, name)
    if found is None:
        known = [held.name for held in tx.experiments.list(workspace_id)]
        raise NotFound(
            f'There is no experiment "{name}".', hint=names.closest(name, known) or "Experiment(ws, name) makes it."
        )
    return found
