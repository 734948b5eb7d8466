"""Services: deploy, look, wait, change, keys, logs, delete."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from starlette.responses import Response

from amlet.domain.service import Service
from amlet.operations import deploy as deploying
from amlet.operations import service_keys, traffic
from amlet.operations.service_records import find_service, service_log_topic, service_topic, versions_of
from amlet.server.context import Call, Handler
from amlet.server.streams import SAFE_HEADERS, TOTAL_HEADER
from amlet.store.base import Transaction
from amlet.wire.server import Done
from amlet.wire.services import DeployAnswer, ServiceKeys, Services, ServiceToken

T = TypeVar("T")

LOG_PART_BYTES = 1 << 20
"""What one who follows a log gets at once."""


async def _write(call: Call, work: Callable[[Transaction, deploying.Known], T]) -> T:
    parts = call.parts

    def do(tx: Transaction) -> T:
        known = deploying.Known(parts.ready(tx), parts.secrets.seal, parts.secrets.open, parts.now())
        return work(tx, known)

    return await parts.write(do)


async def deploy(call: Call) -> DeployAnswer:
    return await _write(call, lambda tx, known: deploying.deploy(tx, call.workspace_id, call.body, known))


async def update(call: Call) -> DeployAnswer:
    name = call.path["name"]
    return await _write(call, lambda tx, known: deploying.update(tx, call.workspace_id, name, call.body, known))


async def list_all(call: Call) -> Services:
    found = await call.parts.read(lambda tx: tx.services.list(call.workspace_id))
    return Services([record.service for record in found if not record.service.version])


async def versions(call: Call) -> Services:
    def look(tx: Transaction) -> Services:
        name = call.path["name"]
        traffic.check_endpoint(find_service(tx, call.workspace_id, name))
        return Services([record.service for record in versions_of(tx, call.workspace_id, name)])

    return await call.parts.read(look)


async def set_traffic(call: Call) -> Services:
    name, asked = call.path["name"], call.body
    found = await call.parts.write(lambda tx: traffic.set_traffic(tx, call.workspace_id, name, asked))
    return Services([record.service for record in found])


async def get(call: Call) -> Service:
    parts, name, asked = call.parts, call.path["name"], call.query

    def look(tx: Transaction) -> Service:
        return find_service(tx, call.workspace_id, name, asked.version).service

    async def changed() -> Service | None:
        service = await parts.read(look)
        return service if service.changes > asked.after else None

    found: Service | None = await parts.topics.until(service_topic(call.workspace_id, name), changed, asked.wait_s)
    return found if found is not None else await parts.read(look)


async def keys(call: Call) -> ServiceKeys:
    name, unseal = call.path["name"], call.parts.secrets.open
    return await call.parts.read(lambda tx: service_keys.keys_of(tx, call.workspace_id, name, unseal=unseal))


async def regenerate_key(call: Call) -> ServiceKeys:
    name, asked, secrets = call.path["name"], call.body, call.parts.secrets
    return await call.parts.write(
        lambda tx: service_keys.regenerate(tx, call.workspace_id, name, asked, seal=secrets.seal, unseal=secrets.open)
    )


async def token(call: Call) -> ServiceToken:
    name, parts = call.path["name"], call.parts
    return await parts.read(
        lambda tx: service_keys.token_of(tx, call.workspace_id, name, parts.now(), unseal=parts.secrets.open)
    )


async def logs(call: Call) -> Response:
    parts, name, asked = call.parts, call.path["name"], call.query
    record = await parts.read(lambda tx: find_service(tx, call.workspace_id, name, asked.version))
    size = await parts.threaded(lambda: parts.logs.size(record.log))
    if asked.offset is None:
        lines = max(1, min(asked.lines, 100_000))
        data = await parts.threaded(lambda: parts.logs.tail(record.log, lines))
    else:
        offset = max(0, min(asked.offset, size))  # it has become shorter when its older half went

        async def more() -> bytes | None:
            return await parts.threaded(lambda: parts.logs.read(record.log, offset, LOG_PART_BYTES)) or None

        data = await parts.topics.until(service_log_topic(call.workspace_id, name), more, asked.wait_s) or b""
        size = offset + len(data)
    headers = {**SAFE_HEADERS, TOTAL_HEADER: str(size)}
    return Response(data, media_type="application/octet-stream", headers=headers)


async def delete(call: Call) -> Done:
    parts, name, version = call.parts, call.path["name"], call.query.version
    gone = await parts.write(lambda tx: deploying.undeploy(tx, call.workspace_id, name, version))
    for number in gone:
        await parts.threaded(partial(parts.logs.remove, number))
    return Done()


HANDLERS: dict[str, Handler] = {
    "services.deploy": deploy,
    "services.list": list_all,
    "services.get": get,
    "services.update": update,
    "services.versions": versions,
    "services.set_traffic": set_traffic,
    "services.keys": keys,
    "services.regenerate_key": regenerate_key,
    "services.token": token,
    "services.logs": logs,
    "services.delete": delete,
}
