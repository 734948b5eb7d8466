"""Thin handlers, one file a noun: decode, one operation, encode. Each is named as its route."""

from amlet.server.context import Handler
from amlet.server.handlers import (
    blobs,
    computes,
    datasets,
    datastores,
    environments,
    models,
    nodes,
    runs,
    secrets,
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
    **datastores.HANDLERS,
    **datasets.HANDLERS,
    **secrets.HANDLERS,
    **sweeps.HANDLERS,
}
