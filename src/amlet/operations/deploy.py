"""Services: deploy, follow what their node tells of them, delete."""

from __future__ import annotations

import zlib
from datetime import datetime

from amlet.base import names
from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain import service as services
from amlet.domain.artifact import Tree
from amlet.domain.compute import AKS, LOCAL
from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.domain.job import Share
from amlet.domain.model import Model, Resources
from amlet.domain.service import ReplicaLease, ReplicaModel, ReplicaSettings, Service
from amlet.operations.register import check_resources, find_model
from amlet.operations.submit import no_compute_target
from amlet.operations.texts import storable
from amlet.operations.transitions import RECONCILE
from amlet.serving import nocode
from amlet.store.base import ServiceRecord, Transaction
from amlet.wire.nodes import ReplicaState, SyncReplicas, WantedReplicas
from amlet.wire.services import DeployService

HOST = "127.0.0.1"
"""Services listen on loopback, open, as v1's local ones did."""

PREPARING = "Preparing the environment"
STARTING = "Starting the replica and loading the model"
SERVING = "Answering requests"


def service_topic(workspace_id: str, name: str) -> str:
    """What a watcher of the service waits on."""
    return f"service/{workspace_id}/{name}"


def replicas_topic(node: str) -> str:
    """What a node waits on for its replicas."""
    return f"replicas/{node}"


def deploy(tx: Transaction, workspace_id: str, asked: DeployService, now: datetime) -> Service:
    """Want a service of one model (v1-behaviours 15.1, 15.2).

    Raises:
        InvalidInput: for a bad name, no or several models, a model that cannot be served without code.
        NotFound: for an unknown model.
        Conflict: if the name is taken and `overwrite` is not set, or another service has the port.
    """
    names.SERVICE.check(asked.name)
    if len(asked.model_ids) != 1:
        raise InvalidInput(
            f"You must provide an InferenceConfig when deploying zero or multiple models; got {len(asked.model_ids)}.",
            hint="pass one scikit-learn model: Model.deploy(ws, name, [model]).",
        )
    if asked.resources is not None and (faults := check_resources(asked.resources)):
        raise InvalidInput.of(faults, subject="the service")
    _check_target(tx, workspace_id, asked.target)
    model, files, lock = _model(tx, workspace_id, asked.model_ids[0])
    nocode.check(model, files, lock)
    if asked.port is not None and not 1 <= asked.port <= 65535:
        raise InvalidInput(f"{asked.port} is not a port.", hint="use 1 to 65535, or leave it out.")
    for other in tx.services.list():
        if (
            asked.port
            and other.port == asked.port
            and (other.service.workspace_id, other.service.name)
            != (
                workspace_id,
                asked.name,
            )
        ):
            raise Conflict(f'Port {asked.port} belongs to service "{other.service.name}".', hint="choose another port.")
    earlier = tx.services.find(workspace_id, asked.name)
    if earlier is not None and tx.requests.find(workspace_id, asked.request_id) is not None:
        return earlier.service
    if earlier is not None and not asked.overwrite:
        raise Conflict(
            f'Service "{asked.name}" is there already.', hint="pass overwrite=True, or delete it: service.delete()."
        )
    service = Service(
        workspace_id=workspace_id,
        name=asked.name,
        state=services.TRANSITIONING,
        model_ids=[model.id],
        revision=earlier.service.revision + 1 if earlier else 1,
        lock_id=lock.id if lock else None,
        resources=asked.resources or model.resources,
        address=earlier.service.address if earlier else None,
        step=STARTING if lock else PREPARING,
        error=None,
        description=asked.description,
        tags=asked.tags,
        properties=asked.properties,
        created=earlier.service.created if earlier else now,
        updated=now,
        changes=0,
        target=asked.target,
    )
    tx.requests.add(workspace_id, asked.request_id, asked.name, now)
    port = asked.port or (earlier.port if earlier else None)
    log = earlier.log if earlier else tx.files.new_log()
    return _save(tx, ServiceRecord(service, LOCAL, port, log)).service


def undeploy(tx: Transaction, workspace_id: str, name: str) -> None:
    """End a service and forget it."""
    record = find_service(tx, workspace_id, name)
    tx.services.delete(workspace_id, name)
    tx.touch(service_topic(workspace_id, name))
    tx.touch(replicas_topic(record.node or LOCAL))


def find_service(tx: Transaction, workspace_id: str, name: str) -> ServiceRecord:
    """The service of that name; NotFound in v1's words (v1-behaviours 15.25)."""
    record = tx.services.find(workspace_id, name)
    if record is None:
        kept = [other.service.name for other in tx.services.list(workspace_id)]
        raise NotFound(
            f"WebserviceNotFound: Webservice with name {name} not found in this workspace.",
            hint=names.closest(name, kept) + ("it has: " + ", ".join(kept) if kept else "it has no services."),
        )
    return record


def unresolved(tx: Transaction) -> dict[str, tuple[EnvironmentSpec, list[Service]]]:
    """Services that wait for a lock, by the content key of the environment that they need."""
    waiting: dict[str, tuple[EnvironmentSpec, list[Service]]] = {}
    for record in tx.services.list():
        service = record.service
        if service.lock_id is None and service.state == services.TRANSITIONING:
            model, _, _ = _model(tx, service.workspace_id, service.model_ids[0])
            spec = nocode.environment_for(model)
            waiting.setdefault(spec.content_key(), (spec, []))[1].append(service)
    return waiting


def prepared(tx: Transaction, service: Service, lock: Lock | None, error: str | None, now: datetime) -> None:
    """The environment of a service is resolved, or cannot be."""
    record = tx.services.find(service.workspace_id, service.name)
    if record is None or record.service.revision != service.revision:
        return
    if lock is not None:
        changed = record.service._replace(lock_id=lock.id, step=STARTING, updated=now)
    else:
        changed = record.service._replace(state=services.FAILED, step=PREPARING, error=storable(error), updated=now)
    _save(tx, record._replace(service=changed))


def sync_replicas(tx: Transaction, asked: SyncReplicas, now: datetime) -> WantedReplicas:
    """Take in how a node's replicas are, and say which it should hold."""
    for held in asked.held:
        _note(tx, held, now)
    return wanted_replicas(tx, asked.node)


def wanted_replicas(tx: Transaction, node: str) -> WantedReplicas:
    """The replicas that a node should hold; the number changes when they do."""
    wanted = []
    for record in tx.services.list():
        service = record.service
        if record.node != node or service.lock_id is None or service.state == services.FAILED:
            continue
        model, files, trained_by = _model(tx, service.workspace_id, service.model_ids[0])
        lock = tx.locks.get(service.lock_id)
        if lock is not None:
            wanted.append(
                ReplicaLease(
                    service.workspace_id,
                    service.name,
                    service.revision,
                    [_replica_model(model, files)],
                    lock,
                    share_of(service.resources),
                    record.port,
                    HOST,
                    settings=ReplicaSettings(trained_with=nocode.trained_with(model, trained_by)),
                )
            )
    keys = [(lease.workspace_id, lease.service, lease.revision, lease.processes, lease.settings) for lease in wanted]
    return WantedReplicas(wanted, zlib.crc32(repr(sorted(keys)).encode()))


def _replica_model(model: Model, files: Tree) -> ReplicaModel:
    chosen = Tree(files.id, [nocode.model_file(model, files)])
    return ReplicaModel(model.id, model.name, model.version, model.framework, model.framework_version, chosen)


def share_of(resources: Resources | None) -> Share:
    """A replica's share: whole cores, at least one; no memory bound unless asked for."""
    cpu = resources.cpu if resources and resources.cpu else 1
    memory_gb = resources.memory_gb if resources and resources.memory_gb else 0
    return Share(max(1, int(cpu)), int(memory_gb * (1 << 30)))


def _check_target(tx: Transaction, workspace_id: str, name: str | None) -> None:
    if name is None:
        return
    target = tx.computes.find(workspace_id, name)
    if target is None:
        raise no_compute_target(tx, workspace_id, name)
    if target.kind != AKS:
        raise InvalidInput(
            f'Compute target "{name}" is of the kind {target.kind} and serves no models.',
            hint="leave deployment_target out: this machine serves. AksCompute targets serve too.",
        )


def _note(tx: Transaction, held: ReplicaState, now: datetime) -> None:
    record = tx.services.find(held.workspace_id, held.service)
    if record is None or record.service.revision != held.revision:
        return
    service = record.service
    address = f"http://{HOST}:{held.port}" if held.port else service.address
    if held.state not in (services.TRANSITIONING, services.UNHEALTHY, services.HEALTHY, services.FAILED):
        raise InvalidInput(f"{held.state[:50]!r} is not a state of a service.")
    step = {services.HEALTHY: SERVING, services.FAILED: service.step}.get(held.state, STARTING)
    changed = service._replace(state=held.state, address=address, error=storable(held.error), step=step)
    port = held.port or record.port
    if changed != service or port != record.port:
        _save(tx, record._replace(service=changed._replace(updated=now), port=port))


def _save(tx: Transaction, record: ServiceRecord) -> ServiceRecord:
    service = record.service
    tx.touch(service_topic(service.workspace_id, service.name))
    tx.touch(replicas_topic(record.node or LOCAL))
    tx.touch(RECONCILE)
    return tx.services.save(record)


def _model(tx: Transaction, workspace_id: str, model_id: str) -> tuple[Model, Tree, Lock | None]:
    name, _, version = model_id.rpartition(":")
    if not name or not (version.isascii() and version.isdigit()) or len(version) > 9:
        raise InvalidInput(
            f"{model_id[:300]!r} is not a model's id.", hint="it has the form name:version, such as iris:1."
        )
    model = find_model(tx, workspace_id, name, int(version))
    return model, tx.trees.get(model.tree_id), tx.locks.get(model.lock_id) if model.lock_id else None
