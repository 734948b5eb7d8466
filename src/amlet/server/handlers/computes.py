"""Compute targets."""

from __future__ import annotations

from amlet.operations import provision
from amlet.server.context import Call, Handler
from amlet.wire.computes import ComputeNodes, Computes, ComputeState
from amlet.wire.server import Done


async def create(call: Call) -> ComputeState:
    parts, name = call.parts, call.path["name"]
    return await parts.write(
        lambda tx: provision.create_compute(
            tx,
            call.workspace_id,
            name,
            call.body,
            parts.machine,
            parts.now(),
            seal=parts.secrets.seal,
            engines=parts.engines,
            cluster_engine=parts.cluster_engine,
        )
    )


async def get(call: Call) -> ComputeState:
    return await call.parts.read(
        lambda tx: provision.describe_compute(
            tx, provision.find_compute(tx, call.workspace_id, call.path["name"]), call.parts.machine
        )
    )


async def list_all(call: Call) -> Computes:
    return await call.parts.read(lambda tx: provision.list_computes(tx, call.workspace_id, call.parts.machine))


async def update(call: Call) -> ComputeState:
    parts, name = call.parts, call.path["name"]
    return await parts.write(
        lambda tx: provision.update_compute(tx, call.workspace_id, name, call.body, parts.machine, parts.now())
    )


async def switch(call: Call) -> ComputeState:
    parts, name, action = call.parts, call.path["name"], call.body.action
    return await parts.write(
        lambda tx: provision.switch_compute(tx, call.workspace_id, name, action, parts.machine, parts.now())
    )


async def nodes(call: Call) -> ComputeNodes:
    return await call.parts.read(lambda tx: provision.list_nodes(tx, call.workspace_id, call.path["name"]))


async def delete(call: Call) -> Done:
    await call.parts.write(lambda tx: provision.delete_compute(tx, call.workspace_id, call.path["name"]))
    return Done()


HANDLERS: dict[str, Handler] = {
    "computes.create": create,
    "computes.get": get,
    "computes.list": list_all,
    "computes.update": update,
    "computes.switch": switch,
    "computes.nodes": nodes,
    "computes.delete": delete,
}
