"""Workspaces and experiments."""

from __future__ import annotations

from amlet.domain.workspace import Experiment, Workspace
from amlet.operations.ensure import ensure_experiment, ensure_workspace
from amlet.server.context import Call, Handler
from amlet.wire.workspaces import WorkspaceAnswer


async def ensure(call: Call) -> WorkspaceAnswer:
    return await call.parts.write(lambda tx: ensure_workspace(tx, call.body, call.parts.now()))


async def get(call: Call) -> Workspace:
    return await call.parts.read(lambda tx: tx.workspaces.get(call.workspace_id))


async def ensure_one_experiment(call: Call) -> Experiment:
    return await call.parts.write(
        lambda tx: ensure_experiment(tx, call.workspace_id, call.path["name"], call.parts.now())
    )


HANDLERS: dict[str, Handler] = {
    "workspaces.ensure": ensure,
    "workspaces.get": get,
    "experiments.ensure": ensure_one_experiment,
}
