"""Thin handlers, one file a noun: decode, one operation, encode. Each is named as its route."""

from amlet.server.context import Handler
from amlet.server.handlers import (
    blobs,
    computes,
    environments,
    models,
    nodes,
    runs,
    server,
    services,
    sweeps,
    workspaces,
)

HANDLERS: dict[str, Handler] = {
    **server.HANDLERS,
    **workspaces.HANDLERS,
    **blobs.HANDLERS,
    **environments.HANDLERS,
    **computes.HANDLERS,
    **runs.HANDLERS,
    **nodes.HANDLERS,
    **models.HANDLERS,
    **services.HANDLERS,
    **sweeps.HANDLERS,
}
