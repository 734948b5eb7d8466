"""Deploy models: what is checked before anything is sent, and what is sent (v1-behaviours 15.1, 15.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from amlet.base.errors import InvalidInput
from amlet.base.ids import uuid4_text
from amlet.base.names import SERVICE
from amlet.domain.compute import AKS, AML_COMPUTE, LOCAL
from amlet.sdk.deployment import Wanted, chosen_models, with_inference, with_models
from amlet.sdk.exceptions import UserErrorException, WebserviceException, as_v1
from amlet.sdk.notice import warn
from amlet.sdk.webservice.aci_configuration import AciServiceDeploymentConfiguration
from amlet.sdk.webservice.aks_configuration import (
    AksEndpointDeploymentConfiguration,
    AksServiceDeploymentConfiguration,
)
from amlet.sdk.webservice.configuration import (
    LocalWebserviceDeploymentConfiguration,
    WebserviceDeploymentConfiguration,
)

if TYPE_CHECKING:
    from amlet.sdk.webservice import Webservice
    from amlet.sdk.workspace import Workspace
    from amlet.wire.services import DeployService


def deploy(
    workspace: Workspace,
    name: str,
    models: Any,
    inference_config: Any,
    deployment_config: Any,
    deployment_target: Any,
    *,
    overwrite: bool = False,
    show_output: bool = False,
) -> Webservice:
    """See `Model.deploy`."""
    from amlet.sdk.webservice.finding import class_of

    if not SERVICE.allows(name):
        raise WebserviceException(f"{name!r} cannot be the name of a service: {SERVICE.words}.")
    config = configuration_of(deployment_config, deployment_target)
    chosen = chosen_models(workspace, models)
    if inference_config is None and len(chosen) != 1:
        raise UserErrorException(
            f"You must provide an InferenceConfig when deploying zero or multiple models; {len(chosen)} were given.",
            hint='InferenceConfig(entry_script="score.py", ...) asks any number of them; or pass a single model.',
        )
    wanted = with_inference(with_models(config._deployment(), chosen), inference_config)
    deployment = wanted.deployment._replace(
        target=serving_target(deployment_target) or getattr(config, "compute_target_name", None)
    )
    record = send(
        workspace,
        config._request(name)._replace(overwrite=overwrite or _is_replaced(workspace, name, config)),
        wanted._replace(deployment=deployment),
        config,
    )
    service: Webservice = class_of(record)._of(workspace, record)
    if show_output:
        service.wait_for_deployment(show_output=True)
    return service


def configuration_of(config: Any, target: Any) -> WebserviceDeploymentConfiguration:
    """The configuration; without one, the target's defaults, or those of v1's container instance (v1-behaviours 15.2).

    Raises:
        WebserviceException: for anything else, or one that the target does not take.
    """
    if config is None:
        return AciServiceDeploymentConfiguration() if _is_here(target) else AksServiceDeploymentConfiguration()
    if not isinstance(config, WebserviceDeploymentConfiguration):
        raise WebserviceException(
            f"deployment_config must be one that deploy_configuration() makes, not {type(config).__name__}.",
            hint="AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1).",
        )
    config.validate_configuration()
    if not _is_here(target) and not isinstance(config, AksServiceDeploymentConfiguration):
        raise WebserviceException(
            "A deployment_target goes with AksWebservice.deploy_configuration() or AksEndpoint.deploy_configuration().",
            hint="leave deployment_target out.",
        )
    if getattr(config, "ssl_enabled", None):
        raise WebserviceException(
            "ssl_enabled=True cannot be done: services answer on this machine, in clear.",
            hint="put a proxy that speaks TLS in front of the service, and leave the ssl_ arguments out.",
        )
    return config


def send(workspace: Workspace, asked: DeployService, wanted: Wanted, config: WebserviceDeploymentConfiguration) -> Any:
    """Ask for the service, bring what it is made of, and for an endpoint ask for its first version too.

    Returns:
        The service's record.
    """
    if not isinstance(config, AksEndpointDeploymentConfiguration):
        return _send(workspace, asked, wanted)
    endpoint = Wanted(config._endpoint()._replace(target=wanted.deployment.target))
    _send(workspace, asked, endpoint)
    version = asked._replace(
        version=config.version_name or asked.name,
        traffic=None if config.traffic_percentile is None else int(config.traffic_percentile),
        overwrite=True,
        primary_key=None,
        secondary_key=None,
    )
    _send(workspace, version, wanted)
    held = workspace._connection
    with as_v1(WebserviceException):
        return held.client.services.get(held.workspace_id, asked.name)


def _send(workspace: Workspace, asked: DeployService, wanted: Wanted) -> Any:
    from amlet.client.uploads import submit_with_blobs

    held = workspace._connection
    asked = asked._replace(
        deployment=wanted.deployment,
        source=wanted.source.entries if wanted.source else [],
        request_id=uuid4_text(),
    )
    with as_v1(WebserviceException):
        try:
            answer = submit_with_blobs(
                lambda: held.client.services.deploy(held.workspace_id, asked),
                held.client,
                held.workspace_id,
                wanted.source.sources if wanted.source else {},
            )
        except InvalidInput as error:
            if wanted.source is None:
                # v1-behaviours 15.2: what cannot be served without code is the caller's to change.
                raise UserErrorException(error.message, hint=error.hint, inner_exception=error) from error
            raise
    for note in answer.notes:
        warn(note)
    return answer.service


def _is_replaced(workspace: Workspace, name: str, config: WebserviceDeploymentConfiguration) -> bool:
    """Whether a service of that name gives way unasked: v1 replaced local ones by local ones."""
    if not isinstance(config, LocalWebserviceDeploymentConfiguration):
        return False
    from amlet.domain.deployment import LOCAL_SERVICE
    from amlet.sdk.webservice.finding import find_all

    held = {record.name: record for record in find_all(workspace, None, None)}
    return name in held and held[name].deployment.kind == LOCAL_SERVICE


def serving_target(target: Any) -> Optional[str]:
    """The name of a target that serves models; None of none.

    Raises:
        WebserviceException: for any other.
    """
    if _is_here(target):
        return None
    name = getattr(target, "name", None)
    if not isinstance(name, str) or getattr(target, "type", None) not in (AKS, AML_COMPUTE):
        raise WebserviceException(
            f"deployment_target {target!r} cannot be used: it serves no models.",
            hint="leave it out: this machine serves. An AksCompute or AmlCompute target can be named too.",
        )
    return name


def _is_here(target: Any) -> bool:
    """Whether a target is the server's own machine."""
    return target is None or getattr(target, "type", None) == LOCAL
