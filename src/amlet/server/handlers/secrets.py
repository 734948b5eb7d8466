"""Secrets of a workspace."""

from __future__ import annotations

from amlet.operations import secrets as operations
from amlet.server.context import Call, Handler
from amlet.wire.data import SecretNames, SecretValues
from amlet.wire.server import Done


async def put(call: Call) -> Done:
    seal = call.parts.secrets.seal
    await call.parts.write(lambda tx: operations.set_secrets(tx, call.workspace_id, call.body.values, seal=seal))
    return Done()


async def get(call: Call) -> SecretValues:
    unseal, asked = call.parts.secrets.open, call.body.names
    return SecretValues(
        await call.parts.read(lambda tx: operations.get_secrets(tx, call.workspace_id, asked, unseal=unseal))
    )


async def list_all(call: Call) -> SecretNames:
    return SecretNames(await call.parts.read(lambda tx: operations.list_secrets(tx, call.workspace_id)))


async def delete(call: Call) -> Done:
    await call.parts.write(lambda tx: operations.delete_secrets(tx, call.workspace_id, call.body.names))
    return Done()


HANDLERS: dict[str, Handler] = {
    "secrets.set": put,
    "secrets.get": get,
    "secrets.list": list_all,
    "secrets.delete": delete,
}
