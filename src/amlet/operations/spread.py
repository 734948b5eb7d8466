"""Services over several nodes: what becomes of one by what its nodes and its router tell.

Each revision answers on ports of its own. The router goes over to the next one when all of that answers, and only when
it is known to have done so does a node end what it held before: no request is sent to where nobody takes it.
"""

from __future__ import annotations

import zlib
from datetime import datetime

from amlet.domain import service as services
from amlet.domain.deployment import ENDPOINT
from amlet.domain.service import Place, Placement, RouterLease
from amlet.operations import traffic
from amlet.operations.service_records import PREPARING, SERVING, STARTING, find_service, versions_of
from amlet.operations.texts import storable
from amlet.store.base import ServiceRecord, Transaction
from amlet.wire.nodes import ReplicaState, SyncReplicas

HOST = "127.0.0.1"
"""Services listen on loopback, open, as v1's local ones did, unless they ask for keys."""

LATE_NS = 60 * 10**9
"""A word that comes after a later one is no older than this; one that seems to be is of a machine that began anew."""

HANDING_OVER = "Handing over from the revision before"
WAITING = "Waiting for a node"


def places_of(record: ServiceRecord) -> list[Place]:
    """Where a service answers, or a version of an endpoint: with one revision, the latest that has answered whole."""
    service = record.service
    older = record.earlier if not record.is_proven else None
    revision = older.number if older is not None else service.revision
    return [
        Place(service.version, row.host or "", row.port or 0, row.answering)
        for row in sorted(record.placements)
        if row.revision == revision and not row.leaving and row.is_reached
    ]


def router_lease(head: ServiceRecord, versions: list[ServiceRecord]) -> RouterLease:
    """What the router of an endpoint, or of a service over several nodes, is to do; the secret is left out.

    Args:
        head: The endpoint, or the service.
        versions: Of the endpoint; the service itself.
    """
    service = head.service
    is_endpoint = service.deployment.kind == ENDPOINT
    places = [place for version in versions for place in places_of(version)]
    shares = traffic.shares_of(versions) if is_endpoint else [services.TrafficShare("", traffic.WHOLE)]
    number = zlib.crc32(repr((shares, places)).encode("utf-8", "replace"))
    return RouterLease(
        service.workspace_id,
        service.name,
        service.revision if is_endpoint else 0,  # of a service it outlives the revisions
        head.port,
        HOST,
        shares,
        places,
        number=number,
        is_endpoint=is_endpoint,
    )


def is_routed(tx: Transaction, record: ServiceRecord) -> bool:
    """Whether requests go by where the service answers now, and nowhere else."""
    service = record.service
    if not service.version:
        return record.routed == router_lease(record, [record]).number
    head = find_service(tx, service.workspace_id, service.name)
    versions = versions_of(tx, service.workspace_id, service.name)
    versions = [record if other.service.version == service.version else other for other in versions]
    return head.routed == router_lease(head, versions).number


def take_in(tx: Transaction, asked: SyncReplicas, now: datetime) -> None:
    """Note how a node's replicas are, and what it has not or has no more."""
    told = {_key(held): held for held in asked.held if not held.is_router}
    gone = {_key(held) for held in asked.ending} - set(told)
    for record in tx.services.list():
        if not any(row.node == asked.node for row in record.placements):
            continue
        service = record.service
        rows = []
        for row in record.placements:
            key = (service.workspace_id, service.name, service.version, row.revision)
            if row.node != asked.node or 0 < row.told_ns - asked.told_ns < LATE_NS:
                rows.append(row)
            elif key in told:
                rows.append(_noted(row, told[key], asked.told_ns))
            elif asked.is_whole and key not in gone:
                if not row.leaving:
                    fresh = Placement(row.node, row.revision, row.processes, told_ns=row.told_ns)
                    rows.append(row if row == fresh else fresh._replace(told_ns=asked.told_ns))
            else:
                rows.append(row._replace(state=services.TRANSITIONING, answering=0) if key in gone else row)
        if rows != record.placements:
            settle(tx, record._replace(placements=rows), before=record, now=now)


def note_router(tx: Transaction, record: ServiceRecord, held: ReplicaState, now: datetime) -> None:
    """Note how the router of a service is."""
    service = record.service
    address = f"http://{HOST}:{held.port}" if held.port else service.address
    noted = record._replace(
        service=service._replace(address=address), port=held.port or record.port, routed=held.number
    )
    if held.state == services.UNHEALTHY and service.state != services.FAILED:
        state = services.UNHEALTHY if record.is_proven else services.FAILED
        noted = noted._replace(routed=0, service=noted.service._replace(state=state, error=storable(held.error)))
    settle(tx, noted, before=record, now=now)


def settle_versions(tx: Transaction, workspace_id: str, name: str, now: datetime) -> None:
    """What an endpoint's router tells may be what its versions wait for."""
    for record in versions_of(tx, workspace_id, name):
        if record.pool is not None:
            settle(tx, record, before=record, now=now)


def settle(
    tx: Transaction,
    record: ServiceRecord,
    *,
    before: ServiceRecord,
    waits: str | None = None,
    now: datetime | None = None,
) -> None:
    """Let a service be as its placements are, and save it if that changed it.

    Args:
        before: As it is on record.
        waits: Why processes wait for a node, if that is known anew.
        now: None leaves the time of the last change.
    """
    service = record.service
    present = [row for row in record.placements if row.revision == service.revision and not row.leaving]
    failed = next((row for row in present if row.state == services.FAILED), None)
    if service.state == services.FAILED:
        pass
    elif failed is not None and not record.is_proven:
        error = storable(_named(failed))
        service = service._replace(state=services.FAILED, error=error)
    else:
        placed = sum(row.processes for row in present)
        is_whole = placed >= record.processes and all(row.state == services.HEALTHY for row in present)
        record = record._replace(is_proven=record.is_proven or is_whole)
        if record.is_proven and record.earlier is not None and is_routed(tx, record):
            record = record._replace(earlier=None)
        service = _judged(tx, record, present, placed, waits)
    record = _without_older(record._replace(service=service))
    answering = sum(place.processes for place in places_of(record))
    record = record._replace(service=record.service._replace(processes=answering))
    if record != before:
        updated = now or service.updated
        traffic.save(tx, record._replace(service=record.service._replace(updated=updated)))


def _without_older(record: ServiceRecord) -> ServiceRecord:
    """Rows of revisions that are wanted no more are on their way out, those of a failed one too."""
    service = record.service
    wanted = {record.earlier.number} if record.earlier is not None else set()
    if service.state != services.FAILED:
        wanted.add(service.revision)

    def leaves(row: Placement) -> bool:
        # Of a proven revision one node alone cannot start it: it is tried anew there, as if it had not been.
        return row.leaving or row.revision not in wanted or row.state == services.FAILED

    return record._replace(placements=[row._replace(leaving=leaves(row)) for row in record.placements])


def _judged(
    tx: Transaction, record: ServiceRecord, present: list[Placement], placed: int, waits: str | None
) -> services.Service:
    service = record.service
    bad = next((row for row in present if row.state in (services.UNHEALTHY, services.FAILED)), None)
    error = storable(_named(bad)) if bad is not None else None
    step = PREPARING if service.lock_id is None else STARTING
    if placed < record.processes:
        before = service.step if service.step.startswith(WAITING) else f"{WAITING} of {service.target}"
        step = f"{WAITING} of {service.target}: {waits}" if waits is not None else before
    if not record.is_proven:
        state = services.UNHEALTHY if bad is not None else services.TRANSITIONING
        return service._replace(state=state, error=error, step=step)
    is_older = any(row.revision != service.revision for row in record.placements)
    answering = sum(row.answering for row in present)
    if record.earlier is not None or (is_older and service.state != services.HEALTHY):
        return service._replace(state=services.TRANSITIONING, error=None, step=HANDING_OVER)
    if not answering or placed < service.deployment.least_processes:
        nodes = ", ".join(row.node for row in present)
        told = error or next((storable(_named(row)) for row in present if row.error), None)
        why = told or (step if placed < record.processes else f"It is being started on {nodes}.")
        return service._replace(state=services.UNHEALTHY, error=why, step=step)
    if bad is not None:
        return service._replace(state=services.UNHEALTHY, error=error, step=step)
    if service.state != services.HEALTHY and not is_routed(tx, record):
        return service
    waits_on = step if placed < record.processes else None
    return service._replace(state=services.HEALTHY, error=None, step=waits_on or SERVING)


def _noted(row: Placement, held: ReplicaState, told_ns: int) -> Placement:
    answering, error = max(0, held.processes), storable(held.error)
    noted = row._replace(state=held.state, answering=answering, host=held.host, port=held.port, error=error)
    return row if noted == row else noted._replace(told_ns=told_ns)


def _named(row: Placement) -> str:
    return f"Node {row.node}: {row.error or 'its processes do not answer.'}"


def _key(held: ReplicaState) -> tuple[str, str, str, int]:
    return held.workspace_id, held.service, held.version, held.revision
