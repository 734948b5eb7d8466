"""Workspaces and the experiments in them."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from amlet.base.errors import Conflict, NotFound
from amlet.domain.workspace import Experiment, Workspace
from amlet.store.tables import experiments, workspaces

_WORKSPACES = select(*(workspaces.c[name] for name in Workspace._fields))
_WORKSPACE = _WORKSPACES.where(workspaces.c.id == bindparam("id"))
_EXPERIMENTS = select(*(experiments.c[name] for name in Experiment._fields)).where(
    experiments.c.workspace_id == bindparam("workspace_id")
)
_THIS = (experiments.c.workspace_id == bindparam("its_workspace"), experiments.c.name == bindparam("its_name"))
_SAVE = experiments.update().where(*_THIS)
_DELETE = experiments.delete().where(*_THIS)
_EXPERIMENT = _EXPERIMENTS.where(experiments.c.name == bindparam("name"))


class Workspaces:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, subscription_id: str, resource_group: str, name: str) -> Workspace | None:
        row = self._connection.execute(
            _WORKSPACES.where(
                workspaces.c.subscription_id == subscription_id,
                workspaces.c.resource_group == resource_group,
                workspaces.c.name == name,
            )
        ).first()
        return Workspace._make(row) if row else None

    def get(self, workspace_id: str) -> Workspace:
        row = self._connection.execute(_WORKSPACE, {"id": workspace_id}).first()
        if row is None:
            raise NotFound(f"There is no workspace with the id {workspace_id!r} on this server.")
        return Workspace._make(row)

    def add(self, workspace: Workspace) -> None:
        if self.find(workspace.subscription_id, workspace.resource_group, workspace.name):
            raise Conflict(
                f'There is a workspace "{workspace.name}" in resource group "{workspace.resource_group}" already.',
                hint="give another name, or Workspace.create(..., exist_ok=True).",
            )
        self._connection.execute(workspaces.insert(), workspace._asdict())

    def list(self) -> list[Workspace]:
        rows = self._connection.execute(_WORKSPACES.order_by(workspaces.c.created, workspaces.c.id))
        return [Workspace._make(row) for row in rows]


class Experiments:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, name: str) -> Experiment | None:
        row = self._connection.execute(_EXPERIMENT, {"workspace_id": workspace_id, "name": name}).first()
        return Experiment._make(row) if row else None

    def add(self, experiment: Experiment) -> None:
        if self.find(experiment.workspace_id, experiment.name):
            raise Conflict(f'There is an experiment "{experiment.name}" in this workspace already.')
        self._connection.execute(experiments.insert(), experiment._asdict())

    def save(self, experiment: Experiment) -> None:
        values = {"tags": experiment.tags, "archived": experiment.archived}
        key = {"its_workspace": experiment.workspace_id, "its_name": experiment.name}
        if not self._connection.execute(_SAVE, {**values, **key}).rowcount:
            raise NotFound(f'There is no experiment "{experiment.name}" in this workspace.')

    def delete(self, workspace_id: str, name: str) -> None:
        self._connection.execute(_DELETE, {"its_workspace": workspace_id, "its_name": name})

    def list(self, workspace_id: str) -> list[Experiment]:
        rows = self._connection.execute(
            _EXPERIMENTS.order_by(experiments.c.created, experiments.c.id), {"workspace_id": workspace_id}
        )
        return [Experiment._make(row) for row in rows]
