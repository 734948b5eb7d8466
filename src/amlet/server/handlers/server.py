"""The server itself: health, status, tickets, stop."""

from __future__ import annotations

import os

from amlet.base.clock import to_iso
from amlet.base.errors import Conflict
from amlet.base.version import __version__
from amlet.domain.run import ACTIVE, Run
from amlet.operations.cancel import cancel
from amlet.operations.transitions import run_topic
from amlet.server.context import Call, Handler
from amlet.server.tokens import TICKET_S
from amlet.store.base import Transaction
from amlet.wire.server import PROTOCOL, Done, Health, ServerStatus, Ticket

CANCEL_WAIT_S = 15.0


async def health(_call: Call) -> Health:
    return Health("ok", __version__, PROTOCOL)


async def status(call: Call) -> ServerStatus:
    def look(tx: Transaction) -> ServerStatus:
        return ServerStatus(
            version=__version__,
            protocol=PROTOCOL,
            pid=os.getpid(),
            started=to_iso(call.parts.lifetime.started),
            runs_active=len(tx.runs.with_status(ACTIVE)),
            services=sum(not record.service.version for record in tx.services.list()),
            nodes=len(tx.nodes.list()),
        )

    return await call.parts.read(look)


async def stop(call: Call) -> Done:
    """End the server with its nodes and services. Runs in progress are an obstacle unless they are to be cancelled."""

    def look(tx: Transaction) -> None:
        active = tx.runs.with_status(ACTIVE)
        if active and not call.body.cancel_runs:
            raise Conflict(
                f"{len(active)} runs are in progress, such as {active[0].id}.",
                hint="wait for them, or end them with the server: `amlet server stop --cancel-runs`.",
            )
        for run in active:
            cancel(tx, run.workspace_id, run.id, call.parts.now())

    await call.parts.write(look)
    for run in await call.parts.read(lambda tx: tx.runs.with_status(ACTIVE)):
        await _ended(call, run)
    call.parts.lifetime.end_all()
    return Done()


async def _ended(call: Call, run: Run) -> None:
    """Give a cancelled run's node the time to end it and to say so."""

    async def look() -> Run | None:
        found = await call.parts.read(lambda tx: tx.runs.get(run.workspace_id, run.id))
        return found if found.is_over else None

    await call.parts.topics.until(run_topic(run.workspace_id, run.id), look, CANCEL_WAIT_S)


async def ticket(call: Call) -> Ticket:
    return Ticket(call.parts.tokens.ticket(), TICKET_S)


HANDLERS: dict[str, Handler] = {
    "server.health": health,
    "server.status": status,
    "server.stop": stop,
    "server.ticket": ticket,
}
