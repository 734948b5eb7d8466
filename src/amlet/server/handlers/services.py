"""Services: deploy, look, wait, logs, delete."""

from __future__ import annotations

from starlette.responses import Response

from amlet.domain.service import Service
from amlet.operations import deploy as deploying
from amlet.server.context import Call, Handler
from amlet.server.streams import SAFE_HEADERS
from amlet.wire.server import Done
from amlet.wire.services import Services


async def deploy(call: Call) -> Service:
    return await call.parts.write(lambda tx: deploying.deploy(tx, call.workspace_id, call.body, call.parts.now()))


async def list_all(call: Call) -> Services:
    found = await call.parts.read(lambda tx: tx.services.list(call.workspace_id))
    return Services([record.service for record in found])


async def get(call: Call) -> Service:
    parts, name, asked = call.parts, call.path["name"], call.query

    async def changed() -> Service | None:
        service = (await parts.read(lambda tx: deploying.find_service(tx, call.workspace_id, name))).service
        return service if service.changes > asked.after else None

    topic = deploying.service_topic(call.workspace_id, name)
    found = await parts.topics.until(topic, changed, asked.wait_s)
    return found or (await parts.read(lambda tx: deploying.find_service(tx, call.workspace_id, name))).service


async def logs(call: Call) -> Response:
    record = await call.parts.read(lambda tx: deploying.find_service(tx, call.workspace_id, call.path["name"]))
    lines = max(1, min(call.query.lines, 100_000))
    data = await call.parts.threaded(lambda: call.parts.logs.tail(record.log, lines))
    return Response(data, media_type="application/octet-stream", headers=SAFE_HEADERS)


async def delete(call: Call) -> Done:
    await call.parts.write(lambda tx: deploying.undeploy(tx, call.workspace_id, call.path["name"]))
    return Done()


HANDLERS: dict[str, Handler] = {
    "services.deploy": deploy,
    "services.list": list_all,
    "services.get": get,
    "services.logs": logs,
    "services.delete": delete,
}
