"""Which services there are: their records, and the class of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

from amlet.domain import deployment as kinds
from amlet.domain.service import Service
from amlet.sdk.exceptions import WebserviceException, as_v1

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

PATIENCE_S = 600.0

COMPUTE_TYPES = {
    kinds.LOCAL_SERVICE: "LOCAL",
    kinds.ACI_SERVICE: "ACI",
    kinds.AKS_SERVICE: "AKS",
    kinds.ENDPOINT: "AKSENDPOINT",
}


def class_of(record: Service) -> Any:
    """The class of a service."""
    from amlet.sdk.webservice.aci import AciWebservice
    from amlet.sdk.webservice.aks import AksWebservice
    from amlet.sdk.webservice.endpoint import AksEndpoint
    from amlet.sdk.webservice.local import LocalWebservice
    from amlet.sdk.webservice.unknown import UnknownWebservice

    chosen = {
        kinds.LOCAL_SERVICE: LocalWebservice,
        kinds.ACI_SERVICE: AciWebservice,
        kinds.AKS_SERVICE: AksWebservice,
        kinds.ENDPOINT: AksEndpoint,
    }
    return chosen.get(record.deployment.kind, UnknownWebservice)


def compute_type_of(record: Service) -> str:
    """v1's word for the kind of a service."""
    return COMPUTE_TYPES.get(record.deployment.kind, record.deployment.kind.upper())


def find(workspace: Workspace, name: str, after: int = -1, wait_s: float = 0.0, *, version: str = "") -> Service:
    """The record of a service, or its next change.

    Raises:
        WebserviceException: if there is none.
    """
    from amlet.wire.services import ServiceQuery

    held = workspace._connection
    with as_v1(WebserviceException):
        record: Service = held.client.services.get(
            held.workspace_id,
            name,
            ServiceQuery(after, wait_s, version),
            patience_s=PATIENCE_S if wait_s else None,
        )
    return record


def find_all(workspace: Workspace, model_name: Optional[str], model_id: Optional[str]) -> List[Service]:
    """The records of all services of a model, or of all."""
    held = workspace._connection
    with as_v1(WebserviceException):
        found = held.client.services.list(held.workspace_id).services
    return [
        record
        for record in found
        if (model_id is None or model_id in record.model_ids)
        and (model_name is None or any(one.rpartition(":")[0] == model_name for one in record.model_ids))
    ]


def is_missing(error: WebserviceException) -> bool:
    """Whether it tells that there is no such service."""
    return "WebserviceNotFound" in error.message
