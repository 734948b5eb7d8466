"""How the terminal shows services: their facts, and the way to their first answer."""

from __future__ import annotations

import sys

from amlet.base.errors import ServiceFailed
from amlet.cli.live_line import LiveLine
from amlet.cli.terminal import Terminal, plain
from amlet.domain import service as services
from amlet.domain.deployment import BY_TOKEN, ENDPOINT, OPEN, Deployment
from amlet.domain.service import Service
from amlet.sdk.connection import Connection
from amlet.wire.services import ServiceQuery

WAIT_S = 20.0
PATIENCE_S = 600.0


def wait_until_answers(held: Connection, service: Service) -> Service:
    """Follow a service until it is healthy, what it does on stderr.

    Raises:
        ServiceFailed: it does not come to answer, with the reason.
    """
    with LiveLine(Terminal(sys.stderr)) as live:
        while service.state != services.HEALTHY:
            if service.state == services.FAILED:
                goes_on = " The revision before it goes on answering." if service.processes else ""
                raise ServiceFailed(
                    f'Service "{service.name}" does not start: {service.error or service.step}{goes_on}',
                    hint=f"`amlet services logs {service.name}` shows what it printed.",
                )
            live.now("deploy", service.step)
            query = ServiceQuery(service.changes, WAIT_S, service.version)
            service = held.client.services.get(held.workspace_id, service.name, query, patience_s=PATIENCE_S)
    return service


def credential_of(held: Connection, service: Service) -> str | None:
    """What opens a service: a key, a token, or nothing."""
    auth = service.deployment.auth
    if auth == OPEN:
        return None
    if auth == BY_TOKEN:
        return held.client.services.token(held.workspace_id, service.name).token
    return held.client.services.keys(held.workspace_id, service.name).primary


def facts_of(service: Service) -> list[tuple[str, str]]:
    """What `show` tells, line by line."""
    deployment = service.deployment
    found = [
        ("state", f"{service.state}: {service.step}"),
        ("kind", deployment.kind),
        ("target", deployment.target),
        ("models", ", ".join(deployment.model_ids)),
        ("script", deployment.entry_script),
        ("environment", deployment.environment.name if deployment.environment else None),
        ("revision", str(service.revision)),
        ("processes", _processes(service)),
        ("each with", _share(deployment)),
        ("access", {OPEN: "all on this machine"}.get(deployment.auth, f"by {deployment.auth}")),
        ("traffic", _traffic(service) if service.version else None),
        ("address", f"{service.address}/score" if service.address else None),
        ("description", service.description),
        *(("tag", key if value is None else f"{key}={value}") for key, value in service.tags.items()),
        ("deployed", f"{service.updated:%Y-%m-%d %H:%M}"),
    ]
    return [(label, plain(value)) for label, value in found if value]


def _traffic(service: Service) -> str:
    return f"{service.traffic} %" + (", and what is left over" if service.is_default else "")


def _processes(service: Service) -> str | None:
    deployment = service.deployment
    if deployment.kind == ENDPOINT:
        return None
    if deployment.autoscale is not None:
        return f"{service.processes} of {deployment.autoscale.min_replicas} to {deployment.autoscale.max_replicas}"
    return f"{service.processes} of {deployment.least_processes}"


def _share(deployment: Deployment) -> str | None:
    asked = deployment.resources
    if asked is None:
        return None
    parts = [f"{asked.cpu:g} cores" if asked.cpu else "", f"{asked.memory_gb:g} GB" if asked.memory_gb else ""]
    return ", ".join(part for part in parts if part) or None
