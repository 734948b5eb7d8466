"""Services as records: found by name, saved with word to those who wait, and what their models and locks are."""

from __future__ import annotations

from amlet.base import names
from amlet.base.errors import NotFound
from amlet.domain.artifact import Tree
from amlet.domain.compute import LOCAL
from amlet.domain.deployment import Deployment
from amlet.domain.environment import Lock
from amlet.domain.model import Model
from amlet.operations.register import model_of_id
from amlet.operations.transitions import RECONCILE
from amlet.store.base import ServiceRecord, Transaction

PREPARING = "Preparing the environment"
STARTING = "Starting the replica and loading the model"
SERVING = "Answering requests"


def service_topic(workspace_id: str, name: str) -> str:
    """What a watcher of the service waits on."""
    return f"service/{workspace_id}/{name}"


def service_log_topic(workspace_id: str, name: str) -> str:
    """What one who follows the log of a service waits on."""
    return f"service-log/{workspace_id}/{name}"


def replicas_topic(node: str) -> str:
    """What a node waits on for its replicas."""
    return f"replicas/{node}"


def find_service(tx: Transaction, workspace_id: str, name: str, version: str = "") -> ServiceRecord:
    """The service of that name, or a version of that endpoint; NotFound in v1's words (v1-behaviours 15.25)."""
    record = tx.services.find(workspace_id, name, version)
    if record is not None:
        return record
    known = [other.service for other in tx.services.list(workspace_id)]
    if version and any(other.name == name for other in known):
        kept = [other.version for other in known if other.name == name and other.version]
        raise NotFound(
            f"WebserviceNotFound: endpoint {name} has no version {version[:100]}.",
            hint=names.closest(version, kept) + ("it has: " + ", ".join(kept) if kept else "it has no versions."),
        )
    kept = [other.name for other in known if not other.version]
    raise NotFound(
        f"WebserviceNotFound: Webservice with name {name} not found in this workspace.",
        hint=names.closest(name, kept) + ("it has: " + ", ".join(kept) if kept else "it has no services."),
    )


def versions_of(tx: Transaction, workspace_id: str, name: str) -> list[ServiceRecord]:
    """The versions of an endpoint, by name."""
    return [
        record for record in tx.services.list(workspace_id) if record.service.name == name and record.service.version
    ]


def save_service(tx: Transaction, record: ServiceRecord) -> ServiceRecord:
    """Save, and tell its watchers, its node and those who prepare environments."""
    touch_service(tx, record)
    return tx.services.save(record)


def touch_service(tx: Transaction, record: ServiceRecord) -> None:
    """Let whoever waits for a service, or for what its node should hold, look again."""
    tx.touch(service_topic(record.service.workspace_id, record.service.name))
    for node in {record.node or LOCAL, *(row.node for row in record.placements)}:
        tx.touch(replicas_topic(node))
    tx.touch(RECONCILE)


def served_model(tx: Transaction, workspace_id: str, model_id: str) -> tuple[Model, Tree, Lock | None]:
    """A model by its id, with its files and the lock of the run that made it."""
    model = model_of_id(tx, workspace_id, model_id)
    return model, tx.trees.get(model.tree_id), tx.locks.get(model.lock_id) if model.lock_id else None


def first_model(tx: Transaction, workspace_id: str, deployment: Deployment) -> tuple[Model, Tree, Lock | None] | None:
    """The model whose run's lock serves where no environment is named; None for a service without models."""
    return served_model(tx, workspace_id, deployment.model_ids[0]) if deployment.model_ids else None
