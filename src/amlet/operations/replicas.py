"""Replicas: what nodes are asked to hold, and what becomes of the services by what they tell."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from amlet.base.errors import InvalidInput, StorageFailed
from amlet.domain import service as services
from amlet.domain.artifact import Tree
from amlet.domain.deployment import ENDPOINT, Deployment
from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.domain.job import Share
from amlet.domain.model import Model, Resources
from amlet.domain.service import Placement, ReplicaLease, ReplicaModel, ReplicaSettings, Revision, RouterLease, Service
from amlet.operations import service_keys, spread, traffic
from amlet.operations.deploy import environment_of
from amlet.operations.room import is_here
from amlet.operations.service_keys import Access, Open
from amlet.operations.service_records import PREPARING, SERVING, STARTING, save_service, served_model
from amlet.operations.spread import HOST
from amlet.operations.texts import storable
from amlet.serving import nocode
from amlet.store.base import ServiceRecord, Transaction
from amlet.wire.nodes import ReplicaState, SyncReplicas, WantedReplicas

STATES = (services.TRANSITIONING, services.UNHEALTHY, services.HEALTHY, services.FAILED)


class Unresolved(NamedTuple):
    """Services that wait for the lock of one environment."""

    spec: EnvironmentSpec
    here: list[Service]
    """Those whose processes are on this machine."""
    afar: list[Service]
    """Those whose nodes build it."""


def unresolved(tx: Transaction) -> dict[str, Unresolved]:
    """Services that wait for a lock, by the content key of the environment that they need."""
    waiting: dict[str, Unresolved] = {}
    for record in tx.services.list():
        service = record.service
        if service.deployment.kind == ENDPOINT or service.lock_id is not None:
            continue
        if service.state == services.TRANSITIONING:
            spec = environment_of(tx, service)
            found = waiting.setdefault(spec.content_key(), Unresolved(spec, [], []))
            is_afar = record.pool is not None and not is_here(tx, record.pool)
            (found.afar if is_afar else found.here).append(service)
    return waiting


def prepared(tx: Transaction, service: Service, lock: Lock | None, error: str | None, now: datetime) -> None:
    """The environment of a service is resolved, or cannot be."""
    record = tx.services.find(service.workspace_id, service.name, service.version)
    if record is None or record.service.revision != service.revision:
        return
    if lock is not None:
        changed = record.service._replace(lock_id=lock.id, step=STARTING, updated=now)
    else:
        changed = record.service._replace(state=services.FAILED, step=PREPARING, error=storable(error), updated=now)
    traffic.save(tx, record._replace(service=changed))


def sync_replicas(tx: Transaction, asked: SyncReplicas, now: datetime) -> None:
    """Take in how a node's replicas are."""
    for held in asked.held:
        _note(tx, asked.node, held, now)
    spread.take_in(tx, asked, now)


def wanted_replicas(tx: Transaction, node: str, *, unseal: Open) -> WantedReplicas:
    """The replicas and routers that a node should hold; the number changes when they do."""
    wanted: list[ReplicaLease] = []
    routers: list[RouterLease] = []
    records = tx.services.list()
    for record in records:
        service = record.service
        is_endpoint = service.deployment.kind == ENDPOINT
        rows = [row for row in record.placements if row.node == node]
        if record.node != node and not rows:
            continue
        try:
            secret = service_keys.router_secret(tx, service.workspace_id, service.name, unseal=unseal)
            access = service_keys.access_of(tx, service.workspace_id, service.name, unseal=unseal)
        except StorageFailed:
            continue  # sealed with another server's key: it must not be open, and get_keys tells
        if record.node == node and (is_endpoint or (record.pool is not None and not service.version)):
            versions = [other for other in records if _is_version_of(other.service, service)]
            lease = spread.router_lease(record, versions if is_endpoint else [record])
            routers.append(lease._replace(secret=secret))
        present = Revision(service.revision, service.deployment, service.lock_id)
        if record.pool is not None and rows:
            wanted += _placed_leases(tx, record, rows, access._replace(router_secret=secret))
        if is_endpoint or record.pool is not None or record.node != node:
            continue
        if record.earlier is not None:
            wanted += _leases(tx, record, record.earlier, access, is_proven=True)
        if service.state != services.FAILED:
            wanted += _leases(tx, record, present, access, is_proven=record.is_proven)
    # What a node takes for proven it has seen itself; that alone is no change.
    keys = [repr((lease.workspace_id, lease.service, lease.version, lease.revision, lease.processes,
                  lease.autoscale, lease.settings)) for lease in wanted]  # fmt: skip
    keys += [repr(lease._replace(secret="")) for lease in routers]
    return WantedReplicas(wanted, zlib.crc32("\n".join(sorted(keys)).encode("utf-8", "replace")), routers)


def _is_version_of(other: Service, endpoint: Service) -> bool:
    same = (other.workspace_id, other.name) == (endpoint.workspace_id, endpoint.name)
    return same and bool(other.version)


def _placed_leases(
    tx: Transaction, record: ServiceRecord, rows: Iterable[Placement], access: Access
) -> list[ReplicaLease]:
    """The leases of one node. What is on its way out is held until no request goes there."""
    service, found = record.service, []
    revisions = [Revision(service.revision, service.deployment, service.lock_id)]
    revisions += [record.earlier] if record.earlier is not None else []
    for row in rows:
        revision = next((one for one in revisions if one.number == row.revision), None)
        if revision is None or (row.leaving and (service.state == services.FAILED or spread.is_routed(tx, record))):
            continue
        is_proven = record.is_proven or revision != revisions[0]
        scale = revision.deployment.autoscale
        for lease in _leases(tx, record, revision, access, is_proven=is_proven):
            placed = lease._replace(host=None, port=None, processes=row.processes, autoscale=None)
            found.append(placed._replace(report_s=scale.refresh_s if scale is not None else None))
    return found


def _leases(
    tx: Transaction, record: ServiceRecord, revision: Revision, access: Access, *, is_proven: bool
) -> list[ReplicaLease]:
    """The lease of a revision, once its lock is there."""
    lock = tx.locks.get(revision.lock_id) if revision.lock_id is not None else None
    if lock is None:
        return []
    service, deployment = record.service, revision.deployment
    models = [served_model(tx, service.workspace_id, model_id) for model_id in deployment.model_ids]
    has_script = deployment.entry_script is not None
    trained_with = None
    if not has_script:
        model, _, trained_by = models[0]
        trained_with = nocode.trained_with(model, trained_by)
    lease = ReplicaLease(
        service.workspace_id,
        service.name,
        revision.number,
        [_replica_model(model, files, whole=has_script) for model, files, _ in models],
        lock,
        share_of(deployment),
        record.port,
        HOST,
        entry_script=deployment.entry_script,
        source=tx.trees.get(deployment.source_id) if has_script else None,
        settings=_settings(deployment, access, trained_with),
        processes=deployment.least_processes,
        autoscale=deployment.autoscale,
        version=service.version,
        holds_cores=any(one is not None and one.cpu is not None for one in (deployment.resources, deployment.limits)),
        is_proven=is_proven,
    )
    return [lease]


def _settings(deployment: Deployment, access: Access, trained_with: str | None) -> ReplicaSettings:
    usual = ReplicaSettings()
    variables = deployment.environment.variables if deployment.environment is not None else {}
    return ReplicaSettings(
        scoring_timeout_ms=deployment.scoring_timeout_ms or usual.scoring_timeout_ms,
        max_concurrent=deployment.max_concurrent,
        max_wait_ms=deployment.max_wait_ms,
        cors_origins=deployment.cors_origins,
        key_hashes=access.key_hashes,
        token_secret=access.token_secret,
        router_hash=hashlib.sha256(access.router_secret.encode("ascii")).hexdigest() if access.router_secret else None,
        method=deployment.method,
        trusted=deployment.trusted,
        batching=deployment.batching,
        accelerate=deployment.accelerate,
        any_version=deployment.any_version,
        trained_with=trained_with,
        capture=deployment.capture,
        variables={**variables, **deployment.variables},
        sample_request=deployment.sample_request,
        sample_answer=deployment.sample_answer,
    )


def _replica_model(model: Model, files: Tree, *, whole: bool) -> ReplicaModel:
    """A model as its replica sees it: all of its files for a script, else the one that holds it."""
    chosen = files if whole else Tree(files.id, [nocode.model_file(model, files)])
    return ReplicaModel(model.id, model.name, model.version, model.framework, model.framework_version, chosen)


def share_of(deployment: Deployment) -> Share:
    """The share of one process: whole cores, at least one; no memory bound unless one is asked for."""
    none = Resources()
    asked, most = deployment.resources or none, deployment.limits or none
    cpu = most.cpu or asked.cpu or 1
    memory_gb = most.memory_gb or asked.memory_gb or 0
    return Share(max(1, int(-(-cpu // 1))), int(memory_gb * (1 << 30)))


def _note(tx: Transaction, node: str, held: ReplicaState, now: datetime) -> None:
    if held.state not in STATES:
        raise InvalidInput(f"{held.state[:50]!r} is not a state of a service.")
    record = tx.services.find(held.workspace_id, held.service, held.version)
    if record is None or record.node != node:
        return
    service = record.service
    is_endpoint = service.deployment.kind == ENDPOINT
    if record.pool is not None:
        if held.is_router and not service.version:
            spread.note_router(tx, record, held, now)
        return
    if is_endpoint != held.is_router:
        return
    address = f"http://{HOST}:{held.port}" if held.port and not service.version else service.address
    if held.is_router:
        changed = service._replace(processes=held.processes, address=address)
        is_up = held.state == services.HEALTHY
        noted = record._replace(
            service=changed, port=held.port or record.port, is_proven=is_up, routed=held.number if is_up else 0
        )
        if noted != record:
            save_service(tx, noted._replace(service=changed._replace(updated=now)))
            spread.settle_versions(tx, service.workspace_id, service.name, now)
            traffic.settle_endpoint(tx, service.workspace_id, service.name)
        return
    if held.revision != service.revision:
        answers_still = record.earlier is not None and record.earlier.number == held.revision
        if answers_still and service.processes != held.processes:
            save_service(tx, record._replace(service=service._replace(processes=held.processes)))
        return
    step = {services.HEALTHY: SERVING, services.FAILED: service.step}.get(held.state, STARTING)
    processes = held.processes if record.earlier is None or held.processes else service.processes
    changed = service._replace(
        state=held.state, address=address, error=storable(held.error), step=step, processes=processes
    )
    noted = record._replace(service=changed, port=held.port or record.port)
    if held.state == services.HEALTHY:
        noted = noted._replace(is_proven=True, earlier=None)
    if noted != record:
        traffic.save(tx, noted._replace(service=changed._replace(updated=now)))
