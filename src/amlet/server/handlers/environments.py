"""Environments: register, get, list."""

from __future__ import annotations

from amlet.environments import curated
from amlet.operations.describe import find_environment, list_environments, register_environment
from amlet.server.context import Call, Handler
from amlet.wire.environments import EnvironmentRecord, Environments


async def register(call: Call) -> EnvironmentRecord:
    return await call.parts.write(lambda tx: register_environment(tx, call.workspace_id, call.body, call.parts.now()))


async def get(call: Call) -> EnvironmentRecord:
    return await call.parts.read(
        lambda tx: find_environment(
            tx, call.workspace_id, call.path["name"], call.query.version, curated.find, curated.names()
        )
    )


async def list_all(call: Call) -> Environments:
    found = [spec for name in curated.names() if (spec := curated.find(name)) is not None]
    return await call.parts.read(lambda tx: list_environments(tx, call.workspace_id, found))


HANDLERS: dict[str, Handler] = {
    "environments.register": register,
    "environments.get": get,
    "environments.list": list_all,
}
