"""Endpoints: which of their versions gets how many of the requests, and what becomes of the whole."""

from __future__ import annotations

from amlet.base.errors import Conflict, FieldError, InvalidInput
from amlet.domain import service as services
from amlet.domain.deployment import ENDPOINT
from amlet.domain.service import TrafficShare
from amlet.operations.service_records import SERVING, STARTING, find_service, save_service, versions_of
from amlet.store.base import ServiceRecord, Transaction
from amlet.wire.services import SetTraffic

WHOLE = 100


def check_endpoint(record: ServiceRecord) -> None:
    """Refuse what has no versions.

    Raises:
        InvalidInput: for a service that is no endpoint.
    """
    if record.service.deployment.kind != ENDPOINT:
        raise InvalidInput(
            f'Service "{record.service.name}" is no endpoint: it has no versions.',
            hint="deploy with AksEndpoint.deploy_configuration.",
        )


def placed(tx: Transaction, record: ServiceRecord, percent: int | None, *, is_default: bool | None) -> ServiceRecord:
    """Give a version its share; the first one is the default, and another one made the default takes its place.

    Raises:
        Conflict: if the shares come to more than the whole, or the default is to be none.
    """
    service = record.service
    others = [
        one for one in versions_of(tx, service.workspace_id, service.name) if one.service.version != service.version
    ]
    default = next((one for one in others if one.service.is_default), None)
    if is_default is False and service.is_default:
        raise Conflict(
            f'Version "{service.version}" is the default of endpoint "{service.name}".',
            hint="make another version the default: that takes it from this one.",
        )
    given = service.traffic if percent is None else percent
    total = given + sum(one.service.traffic for one in others)
    if total > WHOLE:
        raise Conflict(
            f'The versions of endpoint "{service.name}" would get {total} % of its requests.',
            hint="lower another version's share first, or set all at once: `amlet services traffic`.",
        )
    becomes_default = is_default or default is None
    if becomes_default and default is not None:
        save_service(tx, default._replace(service=default.service._replace(is_default=False)))
    saved = save_service(tx, record._replace(service=service._replace(traffic=given, is_default=becomes_default)))
    settle_endpoint(tx, service.workspace_id, service.name)
    return saved


def set_traffic(tx: Transaction, workspace_id: str, name: str, asked: SetTraffic) -> list[ServiceRecord]:
    """Split an endpoint's requests anew, all shares at once.

    Raises:
        InvalidInput: for shares that are no percentages, or come to more than the whole.
        NotFound: for an unknown version.
    """
    check_endpoint(find_service(tx, workspace_id, name))
    shares = {share.version: share.percent for share in asked.shares}
    faults = [
        FieldError(f"shares.{version[:50]}", f"must be from 0 to {WHOLE}, got {percent}")
        for version, percent in shares.items()
        if not 0 <= percent <= WHOLE
    ]
    if len(shares) < len(asked.shares):
        faults.append(FieldError("shares", "names a version twice"))
    if sum(shares.values()) > WHOLE:
        faults.append(FieldError("shares", f"come to {sum(shares.values())}, which is more than {WHOLE}"))
    if faults:
        raise InvalidInput.of(faults, subject="the traffic")
    for version in [*shares, *([asked.default] if asked.default is not None else [])]:
        find_service(tx, workspace_id, name, version)
    saved = []
    for record in versions_of(tx, workspace_id, name):
        service = record.service
        is_default = service.is_default if asked.default is None else service.version == asked.default
        changed = service._replace(traffic=shares.get(service.version, 0), is_default=is_default)
        saved.append(save_service(tx, record._replace(service=changed)) if changed != service else record)
    settle_endpoint(tx, workspace_id, name)
    return saved


def check_dispensable(tx: Transaction, record: ServiceRecord) -> None:
    """Refuse to delete the default while there are others, whose left-over requests it gets.

    Raises:
        Conflict: for it.
    """
    service = record.service
    if service.is_default and len(versions_of(tx, service.workspace_id, service.name)) > 1:
        raise Conflict(
            f'Version "{service.version}" is the default of endpoint "{service.name}".',
            hint="make another version the default first.",
        )


def shares_of(versions: list[ServiceRecord]) -> list[TrafficShare]:
    """What each version gets now, summing to 100: one that has not answered yet gets nothing, and what is left over is
    the default's. Empty when none has answered.
    """
    able = [one for one in versions if one.is_proven or one.earlier is not None]
    if not able:
        return []
    shares = {one.service.version: one.service.traffic for one in able}
    default = next((one.service.version for one in able if one.service.is_default), able[0].service.version)
    shares[default] += WHOLE - sum(shares.values())
    return [TrafficShare(version, percent) for version, percent in sorted(shares.items())]


def save(tx: Transaction, record: ServiceRecord) -> ServiceRecord:
    """Save how a service is, and let the endpoint that it is a version of be so too."""
    saved = save_service(tx, record)
    if saved.service.version:
        settle_endpoint(tx, saved.service.workspace_id, saved.service.name)
    return saved


def settle_endpoint(tx: Transaction, workspace_id: str, name: str) -> None:
    """Let an endpoint be as its versions are."""
    record = find_service(tx, workspace_id, name)
    service = record.service
    versions = versions_of(tx, workspace_id, name)
    told = [one.service for one in versions]
    state = next(
        (state for state in (services.FAILED, services.UNHEALTHY, services.TRANSITIONING) if _any_is(told, state)),
        services.HEALTHY,
    )
    errors = [f"Version {one.version}: {one.error}" for one in told if one.error]
    routed = sum(share.percent > 0 for share in shares_of(versions))
    if not record.is_proven or (state == services.HEALTHY and service.processes != routed):
        state = services.TRANSITIONING  # the router has yet to hear of it
    changed = service._replace(
        state=state, error="\n".join(errors) or None, step=SERVING if state == services.HEALTHY else STARTING
    )
    if changed != service:
        record = record._replace(service=changed)
    save_service(tx, record)


def _any_is(told: list[services.Service], state: str) -> bool:
    return any(one.state == state for one in told)
