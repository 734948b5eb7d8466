"""Services: deploy, change, delete. What is wanted is recorded here; `operations/replicas.py` has it brought about."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from amlet.base import names
from amlet.base.errors import Conflict, FieldError, InvalidInput
from amlet.domain import service as services
from amlet.domain.artifact import Entry, tree_of
from amlet.domain.compute import LOCAL
from amlet.domain.deployment import AKS_SERVICE, ENDPOINT, OPEN, Deployment, same_revision
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.service import Revision, Service
from amlet.operations import placements, room, service_keys, traffic
from amlet.operations.check_deployment import check_target, faults_of_deployment, faults_of_key
from amlet.operations.describe import version_for
from amlet.operations.edit import check_marks
from amlet.operations.service_records import (
    PREPARING,
    STARTING,
    find_service,
    first_model,
    save_service,
    served_model,
    touch_service,
    versions_of,
)
from amlet.operations.submit import Ready
from amlet.serving import nocode, scripts
from amlet.store.base import ServiceRecord, Transaction
from amlet.wire.services import DeployAnswer, DeployService, UpdateService


class Known(NamedTuple):
    """What the operations need of the server."""

    ready: Ready
    seal: service_keys.Seal
    unseal: service_keys.Open
    now: datetime


def deploy(tx: Transaction, workspace_id: str, asked: DeployService, known: Known) -> DeployAnswer:
    """Want a service, an endpoint, or a version of one (v1-behaviours 15.1, 15.2).

    When blobs of the entry script's folder are missing, nothing is recorded and the answer names them.

    Raises:
        InvalidInput: with every fault of the deployment; for a model that cannot be served so.
        NotFound: for an unknown model, target or endpoint.
        Conflict: if the name is taken and `overwrite` is not set, or another service has the port.
    """
    tx.workspaces.get(workspace_id)
    names.SERVICE.check(asked.name)
    earlier = tx.services.find(workspace_id, asked.name, asked.version)
    if earlier is not None and tx.requests.find(workspace_id, asked.request_id) is not None:
        return DeployAnswer(earlier.service, [])
    deployment = asked.deployment
    if asked.version:
        names.ENDPOINT_VERSION.check(asked.version)
        traffic.check_endpoint(find_service(tx, workspace_id, asked.name))
        deployment = deployment._replace(kind=AKS_SERVICE, auth=OPEN, port=None)
    _check(tx, workspace_id, asked.name, deployment, asked.source, _faults_of_words(asked))
    if earlier is not None and not asked.overwrite:
        noun = f'Version "{asked.version}" of endpoint' if asked.version else "Service"
        raise Conflict(
            f'{noun} "{asked.name}" is there already.', hint="pass overwrite=True, or delete it: service.delete()."
        )
    if earlier is not None and (deployment.kind == ENDPOINT) != (earlier.service.deployment.kind == ENDPOINT):
        raise Conflict(
            f'"{asked.name}" is {"an endpoint" if deployment.kind != ENDPOINT else "a service"} already.',
            hint="delete it first: service.delete().",
        )
    missing = tx.blobs.missing([entry.sha256 for entry in asked.source])
    if missing:
        return DeployAnswer(None, missing)
    deployment = _held(tx, workspace_id, deployment, asked.source, known.now)
    log = earlier.log if earlier else tx.files.new_log()
    service = Service(
        workspace_id=workspace_id,
        name=asked.name,
        state=services.TRANSITIONING,
        deployment=deployment,
        revision=0,
        lock_id=None,
        address=earlier.service.address if earlier else None,
        step=STARTING,
        error=None,
        description=asked.description,
        tags=asked.tags,
        properties=asked.properties,
        created=earlier.service.created if earlier else known.now,
        updated=known.now,
        changes=0,
        version=asked.version,
        traffic=earlier.service.traffic if earlier else 0,
        is_default=earlier.service.is_default if earlier else False,
        is_control=asked.is_control,
    )
    port = deployment.port or (earlier.port if earlier else None)
    record = ServiceRecord(service, LOCAL, port, log)
    if earlier is not None:
        record = record._replace(placements=earlier.placements, routed=earlier.routed, wanted=earlier.wanted)
    record = _with_revision(tx, record, earlier, deployment, known)
    tx.requests.add(workspace_id, asked.request_id, asked.name, known.now)
    saved = save_service(tx, record)
    if asked.version:
        saved = traffic.placed(tx, saved, asked.traffic, is_default=asked.is_default or None)
    else:
        keys = (asked.primary_key, asked.secondary_key)
        service_keys.ensure(tx, saved.service, keys, seal=known.seal, unseal=known.unseal)
    return DeployAnswer(saved.service, [], _notes(deployment))


def update(tx: Transaction, workspace_id: str, name: str, asked: UpdateService, known: Known) -> DeployAnswer:
    """Change a service: what needs other processes makes a revision, which takes over without an outage.

    Raises:
        InvalidInput, NotFound: as `deploy`.
        Conflict: if the service has changed since `known`, or another one has the port.
    """
    record = find_service(tx, workspace_id, name, asked.version)
    if tx.requests.find(workspace_id, asked.request_id) is not None:
        return DeployAnswer(record.service, [])
    service = record.service
    if asked.known is not None and asked.known != service.changes and asked.deployment is not None:
        raise Conflict(
            f'Service "{name}" has been changed meanwhile: it is at revision {service.revision}, {service.state}.',
            hint="get it anew, and make the change again.",
        )
    deployment = asked.deployment or service.deployment
    if service.version:
        deployment = deployment._replace(kind=AKS_SERVICE, auth=OPEN, port=None)
    if (deployment.kind == ENDPOINT) != (service.deployment.kind == ENDPOINT):
        raise InvalidInput(f'"{name}" stays what it is: a service does not become an endpoint, nor an endpoint one.')
    source = asked.source
    if source is None:
        source = _kept_source(tx, record, deployment)
    _check(tx, workspace_id, name, deployment, source, _faults_of_words(asked))
    missing = tx.blobs.missing([entry.sha256 for entry in source])
    if missing:
        return DeployAnswer(None, missing)
    deployment = _held(tx, workspace_id, deployment, source, known.now)
    changed = record._replace(
        service=service._replace(
            deployment=deployment,
            description=service.description if asked.description is None else asked.description,
            tags=service.tags if asked.tags is None else asked.tags,
            properties=service.properties if asked.properties is None else asked.properties,
            is_control=service.is_control if asked.is_control is None else asked.is_control,
            updated=known.now,
        ),
        port=deployment.port or record.port,
    )
    needs_others = asked.restart or not same_revision(service.deployment, deployment) or changed.port != record.port
    needs_others = needs_others or placements.pool_for(tx, workspace_id, deployment.target) != record.pool
    if needs_others or (asked.deployment is not None and service.state == services.FAILED):
        changed = _with_revision(tx, changed, record, deployment, known)
    tx.requests.add(workspace_id, asked.request_id, name, known.now)
    saved = save_service(tx, changed)
    if service.version:
        saved = traffic.placed(tx, saved, asked.traffic, is_default=asked.is_default)
    else:
        service_keys.ensure(tx, saved.service, (None, None), seal=known.seal, unseal=known.unseal)
    return DeployAnswer(saved.service, [], _notes(deployment))


def undeploy(tx: Transaction, workspace_id: str, name: str, version: str = "") -> list[int]:
    """End a service, an endpoint with its versions, or one version, and forget it.

    Returns:
        The numbers of the log files that may go.
    """
    record = find_service(tx, workspace_id, name, version)
    gone = [record]
    if version:
        traffic.check_dispensable(tx, record)
    else:
        gone += versions_of(tx, workspace_id, name)
        service_keys.forget(tx, workspace_id, name)
    for one in gone:
        tx.services.delete(workspace_id, name, one.service.version)
    for one in gone:
        touch_service(tx, one)
    if version:
        traffic.settle_endpoint(tx, workspace_id, name)
    return [one.log for one in gone]


def environment_of(tx: Transaction, service: Service) -> EnvironmentSpec:
    """What a service needs that no run's lock gives."""
    deployment = service.deployment
    found = first_model(tx, service.workspace_id, deployment)
    if deployment.environment is not None:
        return scripts.environment_for(deployment.environment, has_script=deployment.entry_script is not None)
    assert found is not None, "checked when it was deployed"
    return nocode.environment_for(found[0])


def _with_revision(
    tx: Transaction, record: ServiceRecord, earlier: ServiceRecord | None, deployment: Deployment, known: Known
) -> ServiceRecord:
    """The next revision of a service. What answers now goes on until this one does."""
    service = record.service
    number = earlier.service.revision + 1 if earlier else 1
    is_endpoint = deployment.kind == ENDPOINT
    pool = None if is_endpoint else placements.pool_for(tx, service.workspace_id, deployment.target)
    answering = None
    if earlier is not None and not is_endpoint:
        before = earlier.service
        proven = Revision(before.revision, before.deployment, before.lock_id)
        answering = proven if earlier.is_proven else earlier.earlier
        if deployment.port not in (None, earlier.port) or pool != earlier.pool:
            answering = None  # it cannot answer on another port, nor through another router
    if earlier is not None and pool != earlier.pool:
        touch_service(tx, earlier)  # what holds it now has nothing more to do with it
        record = record._replace(placements=[], routed=0, wanted=None)
    if pool is not None:
        service_keys.ensure_router_secret(tx, service.workspace_id, service.name, seal=known.seal)
    lock_id = _lock_at_hand(tx, service, known, is_here=pool is None or room.is_here(tx, pool))
    waits = lock_id is None and not is_endpoint
    service = service._replace(
        state=services.TRANSITIONING,
        deployment=deployment,
        revision=number,
        lock_id=lock_id,
        step=PREPARING if waits else STARTING,
        error=None,
    )
    return record._replace(service=service, earlier=answering, is_proven=False, pool=pool)


def _lock_at_hand(tx: Transaction, service: Service, known: Known, *, is_here: bool) -> str | None:
    deployment = service.deployment
    if deployment.kind == ENDPOINT:
        return None
    found = first_model(tx, service.workspace_id, deployment)
    if deployment.environment is None and found is not None and found[2] is not None:
        return found[2].id
    lock = known.ready(environment_of(tx, service).content_key(), is_here)
    return lock.id if lock is not None else None


def _check(
    tx: Transaction,
    workspace_id: str,
    name: str,
    deployment: Deployment,
    source: list[Entry],
    others: list[FieldError],
) -> None:
    faults = faults_of_deployment(deployment, source) + others
    if faults:
        raise InvalidInput.of(faults, subject="the service")
    check_target(tx, workspace_id, deployment.target)
    models = [served_model(tx, workspace_id, model_id) for model_id in deployment.model_ids]
    if deployment.kind != ENDPOINT and deployment.entry_script is None:
        model, files, lock = models[0]
        nocode.check(model, files, None if deployment.environment is not None else lock)
    elif deployment.entry_script is not None:
        scripts.check(deployment, models[0][0] if models else None, models[0][2] if models else None)
    _check_port(tx, workspace_id, name, deployment.port)


def _check_port(tx: Transaction, workspace_id: str, name: str, port: int | None) -> None:
    if port is None:
        return
    for other in tx.services.list():
        own = (other.service.workspace_id, other.service.name) == (workspace_id, name)
        if other.port == port and (not own or other.service.version):
            raise Conflict(f'Port {port} belongs to service "{other.service.name}".', hint="choose another port.")


def _faults_of_words(asked: DeployService | UpdateService) -> list[FieldError]:
    marks = check_marks(asked.tags or {}, asked.properties or {}, None, asked.description)
    faults = [FieldError(*fault) for fault in marks]
    if isinstance(asked, DeployService):
        faults += faults_of_key("primary_key", asked.primary_key) + faults_of_key("secondary_key", asked.secondary_key)
    if asked.traffic is not None and not 0 <= asked.traffic <= 100:
        faults.append(FieldError("traffic", f"is a percentage, got {asked.traffic}"))
    if not asked.version and (asked.traffic is not None or asked.is_default or asked.is_control):
        faults.append(FieldError("version", "is missing: only versions of an endpoint have a share of its requests"))
    return faults


def _kept_source(tx: Transaction, record: ServiceRecord, deployment: Deployment) -> list[Entry]:
    """The files that the service has already."""
    if not deployment.source_id:
        return []
    if deployment.source_id != record.service.deployment.source_id:
        raise InvalidInput(
            f"Service {record.service.name} has no sources {deployment.source_id[:100]!r}.",
            hint="send the entry script's folder with the request.",
        )
    return tx.trees.get(deployment.source_id).entries


def _held(tx: Transaction, workspace_id: str, deployment: Deployment, source: list[Entry], now: datetime) -> Deployment:
    """The deployment as it is recorded: models by their versions, sources as a tree, the environment as a version."""
    deployment = deployment._replace(
        model_ids=[served_model(tx, workspace_id, model_id)[0].id for model_id in deployment.model_ids],
        source_id="",
        target=None if deployment.target == LOCAL else deployment.target,
    )
    if deployment.entry_script is not None:
        tree = tree_of(source)
        tx.trees.add(tree)
        deployment = deployment._replace(source_id=tree.id)
    if deployment.environment is not None:
        spec = version_for(tx, workspace_id, deployment.environment, now)
        deployment = deployment._replace(environment=spec)
    if deployment.resources is None and deployment.model_ids:
        model, _, _ = served_model(tx, workspace_id, deployment.model_ids[0])
        deployment = deployment._replace(resources=model.resources)
    return deployment


def _notes(deployment: Deployment) -> list[str]:
    return scripts.notes(deployment.environment) if deployment.environment is not None else []
