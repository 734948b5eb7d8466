"""Workspaces and experiments."""

from __future__ import annotations

from amlet.domain.workspace import Experiment, Workspace
from amlet.operations.ensure import (
    delete_experiment,
    ensure_experiment,
    ensure_workspace,
    list_experiments,
    update_experiment,
)
from amlet.server.context import Call, Handler
from amlet.wire.server import Done
from amlet.wire.workspaces import Experiments, WorkspaceAnswer, Workspaces


async def ensure(call: Call) -> WorkspaceAnswer:
    return await call.parts.write(lambda tx: ensure_workspace(tx, call.body, call.parts.now()))


async def get(call: Call) -> Workspace:
    return await call.parts.read(lambda tx: tx.workspaces.get(call.workspace_id))


async def ensure_one_experiment(call: Call) -> Experiment:
    return await call.parts.write(
        lambda tx: ensure_experiment(tx, call.workspace_id, call.path["name"], call.parts.now())
    )


async def list_all(call: Call) -> Workspaces:
    return Workspaces(await call.parts.read(lambda tx: tx.workspaces.list()))


async def list_all_experiments(call: Call) -> Experiments:
    return await call.parts.read(lambda tx: list_experiments(tx, call.workspace_id, call.query.view))


async def update_one_experiment(call: Call) -> Experiment:
    return await call.parts.write(
        lambda tx: update_experiment(tx, call.workspace_id, call.path["name"], call.body, call.parts.now())
    )


async def delete_one_experiment(call: Call) -> Done:
    await call.parts.write(lambda tx: delete_experiment(tx, call.workspace_id, call.path["name"]))
    return Done()


HANDLERS: dict[str, Handler] = {
    "workspaces.ensure": ensure,
    "workspaces.get": get,
    "workspaces.list": list_all,
    "experiments.ensure": ensure_one_experiment,
    "experiments.list": list_all_experiments,
    "experiments.update": update_one_experiment,
    "experiments.delete": delete_one_experiment,
}
