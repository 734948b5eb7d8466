"""Deploy models: what is checked before anything is sent, and what is sent (v1-behaviours 15.1, 15.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

from amlet.base.ids import uuid4_text
from amlet.base.names import SERVICE
from amlet.domain import model as records
from amlet.domain.compute import AKS
from amlet.sdk.exceptions import UserErrorException, WebserviceException, as_v1

if TYPE_CHECKING:
    from amlet.sdk.model import Model
    from amlet.sdk.webservice import Webservice
    from amlet.sdk.workspace import Workspace


def deploy(
    workspace: Workspace,
    name: str,
    models: Any,
    inference_config: Any,
    deployment_config: Any,
    deployment_target: Any,
    *,
    overwrite: bool,
    show_output: bool,
) -> Webservice:
    """See `Model.deploy`."""
    from amlet.sdk.webservice import Webservice
    from amlet.wire.services import DeployService

    if not SERVICE.allows(name):
        raise WebserviceException(f"{name!r} cannot be the name of a service: {SERVICE.words}.")
    chosen = _chosen(workspace, models)
    if inference_config is not None or deployment_config is not None:
        what = "inference_config" if inference_config is not None else "deployment_config"
        raise UserErrorException(
            f"{what} cannot be used: a scikit-learn model is served without code and on this machine.",
            hint=f"Model.deploy(ws, {name!r}, [model]).",
        )
    target = _serving_target(deployment_target)
    if len(chosen) != 1:
        raise UserErrorException(
            f"You must provide an InferenceConfig when deploying zero or multiple models; {len(chosen)} were given.",
            hint="pass one scikit-learn model in the list.",
        )
    if chosen[0].model_framework not in records.SERVED_WITHOUT_CODE:
        raise UserErrorException(
            f"Model {chosen[0].id} has the framework {chosen[0].model_framework}; "
            f"without an InferenceConfig only {', '.join(records.SERVED_WITHOUT_CODE)} can be served.",
            hint="register it with model_framework=Model.Framework.SCIKITLEARN.",
        )
    held = workspace._connection
    asked = DeployService(
        name, [model.id for model in chosen], overwrite=overwrite, request_id=uuid4_text(), target=target
    )
    with as_v1(WebserviceException):
        record = held.client.services.deploy(held.workspace_id, asked)
    service = Webservice._of(workspace, record)
    if show_output:
        service.wait_for_deployment(show_output=True)
    return service


def _serving_target(target: Any) -> Optional[str]:
    if target is None:
        return None
    name = getattr(target, "name", None)
    if not isinstance(name, str) or getattr(target, "type", None) != AKS:
        raise WebserviceException(
            f"deployment_target {target!r} cannot be used: it serves no models.",
            hint="leave it out: this machine serves. An AksCompute target can be named too.",
        )
    return name


def _chosen(workspace: Workspace, models: Any) -> List[Model]:
    from amlet.sdk.model import Model

    if isinstance(models, (Model, str)):
        models = [models]
    chosen = []
    for item in models or ():
        if isinstance(item, Model):
            chosen.append(item)
        elif isinstance(item, str):
            by_id = ":" in item or "@" in item
            chosen.append(Model(workspace, id=item) if by_id else Model(workspace, name=item))
        else:
            raise UserErrorException(f"models must be models or their ids, not {type(item).__name__}.")
    return chosen
