"""Environments: register, get, list; build, and look at locks."""

from __future__ import annotations

from amlet.base.errors import NotFound
from amlet.domain.environment import EnvironmentBuild, Lock
from amlet.environments import curated
from amlet.operations import build_environment, describe
from amlet.server.context import Call, Handler
from amlet.store.base import Transaction
from amlet.wire.environments import BuildState, EnvironmentRecord, Environments


async def register(call: Call) -> EnvironmentRecord:
    def work(tx: Transaction) -> EnvironmentRecord:
        made = describe.register_environment(tx, call.workspace_id, call.body, call.parts.now())
        return _with_lock(call, tx, made)

    return await call.parts.write(work)


async def get(call: Call) -> EnvironmentRecord:
    def work(tx: Transaction) -> EnvironmentRecord:
        name, version = call.path["name"], call.query.version
        found = describe.find_environment(tx, call.workspace_id, name, version, curated.get, curated.names())
        return _with_lock(call, tx, found)

    return await call.parts.read(work)


async def list_all(call: Call) -> Environments:
    def work(tx: Transaction) -> Environments:
        found = [spec for name in curated.names() if (spec := curated.find(name)) is not None]
        held = describe.list_environments(tx, call.workspace_id, found)
        return Environments([_with_lock(call, tx, record) for record in held.environments])

    return await call.parts.read(work)


async def versions(call: Call) -> Environments:
    def work(tx: Transaction) -> Environments:
        held = describe.environment_versions(tx, call.workspace_id, call.path["name"])
        return Environments([_with_lock(call, tx, record) for record in held])

    return await call.parts.read(work)


async def build(call: Call) -> EnvironmentBuild:
    return await call.parts.write(
        lambda tx: build_environment.build_environment(tx, call.workspace_id, call.body, call.parts.now())
    )


async def build_state(call: Call) -> BuildState:
    parts, build_id, asked = call.parts, call.path["build_id"], call.query

    async def look() -> BuildState:
        return await parts.read(
            lambda tx: build_environment.build_state(tx, parts.logs, call.workspace_id, build_id, asked.offset)
        )

    async def changed() -> BuildState | None:
        state = await look()
        return state if state.log or state.build.is_over else None

    found = await parts.topics.until(build_environment.build_topic(build_id), changed, asked.wait_s)
    return found or await look()


async def lock(call: Call) -> Lock:
    found = await call.parts.read(lambda tx: tx.locks.get(call.path["lock_id"]))
    if found is None:
        raise NotFound(
            f"There is no lock {call.path['lock_id'][:100]!r}.", hint="`amlet env lock ENVIRONMENT` makes one."
        )
    return found


def _with_lock(call: Call, tx: Transaction, record: EnvironmentRecord) -> EnvironmentRecord:
    """The record with what it resolved to on this platform."""
    environments = call.parts.environments
    found = tx.locks.resolved(environments.kept_by(record.spec.content_key()), environments.platform)
    return record._replace(lock_id=found.id if found else None)


HANDLERS: dict[str, Handler] = {
    "environments.register": register,
    "environments.get": get,
    "environments.list": list_all,
    "environments.versions": versions,
    "environments.build": build,
    "environments.build_state": build_state,
    "environments.lock": lock,
}
