"""Endpoints: one address whose requests are split between versions of a service."""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, Optional

from amlet.domain.deployment import Deployment
from amlet.sdk.deployment import chosen_models, with_inference, with_models
from amlet.sdk.exceptions import WebserviceException, as_v1
from amlet.sdk.webservice.aks import AksWebservice, changed
from amlet.sdk.webservice.aks_configuration import (
    AksEndpointDeploymentConfiguration,
    AksServiceDeploymentConfiguration,
    faults_of_version,
)
from amlet.sdk.webservice.cloud import check_given
from amlet.sdk.webservice.configuration import refusal
from amlet.sdk.webservice.settings import auth_of

VERSION_SETTINGS = (
    "autoscale_enabled",
    "autoscale_min_replicas",
    "autoscale_max_replicas",
    "autoscale_refresh_seconds",
    "autoscale_target_utilization",
    "collect_model_data",
    "cpu_cores",
    "memory_gb",
    "scoring_timeout_ms",
    "replica_max_concurrent_requests",
    "max_request_wait_time",
    "num_replicas",
    "gpu_cores",
    "period_seconds",
    "initial_delay_seconds",
    "timeout_seconds",
    "success_threshold",
    "failure_threshold",
    "cpu_cores_limit",
    "memory_gb_limit",
)
"""What `create_version` and `update_version` say of replicas."""


class AksEndpoint(AksWebservice):
    """One address for several versions, each a service with replicas of its own.

    Raises:
        WebserviceException: if the workspace has no such endpoint, or it is of another class.
    """

    _webservice_type = "AKSENDPOINT"

    deploy_configuration = AksEndpointDeploymentConfiguration
    """How a new endpoint and its first version are to be: its parameters are those of the configuration."""

    class VersionType(Enum):
        """What a version is compared as."""

        control = "Control"
        treatment = "Treatment"

    @property
    def versions(self) -> Dict[str, AksWebservice]:
        """The versions by name, as they are now."""
        held = self.workspace._connection
        with as_v1(WebserviceException):
            found = held.client.services.versions(held.workspace_id, self._name).services
        made: Dict[str, AksWebservice] = {}
        for record in found:
            service = AksWebservice._of(self.workspace, record)
            assert isinstance(service, AksWebservice)
            made[record.version] = service
        return made

    def update(  # type: ignore[override]
        self,
        auth_enabled: Optional[bool] = None,
        token_auth_enabled: Optional[bool] = None,
        enable_app_insights: Optional[bool] = None,
        description: Optional[str] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
    ) -> None:
        """Change what holds for all versions.

        Args:
            auth_enabled: Whether requests need a key.
            token_auth_enabled: Whether they need a token.
            tags: In place of all tags.
            properties: Added; those that are there cannot change.

        Raises:
            WebserviceException: if nothing is given, or for what cannot be.
        """
        check_given({name: value for name, value in locals().items() if name != "self"})
        if auth_enabled and token_auth_enabled:
            raise refusal(["auth_enabled and token_auth_enabled exclude each other: keys or tokens"])
        before = self._record.deployment
        deployment = before._replace(auth=auth_of(auth_enabled, token_auth_enabled, default=before.auth))
        if enable_app_insights is not None:
            deployment = deployment._replace(details={**deployment.details, "enable_app_insights": enable_app_insights})
        self._update(
            deployment,
            models=None,
            inference_config=None,
            tags=tags,
            properties=properties,
            description=description,
        )

    def create_version(
        self,
        version_name: str,
        autoscale_enabled: Optional[bool] = None,
        autoscale_min_replicas: Optional[int] = None,
        autoscale_max_replicas: Optional[int] = None,
        autoscale_refresh_seconds: Optional[int] = None,
        autoscale_target_utilization: Optional[int] = None,
        collect_model_data: Optional[bool] = None,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        scoring_timeout_ms: Optional[int] = None,
        replica_max_concurrent_requests: Optional[int] = None,
        max_request_wait_time: Optional[int] = None,
        num_replicas: Optional[int] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        models: Any = None,
        inference_config: Any = None,
        gpu_cores: Optional[int] = None,
        period_seconds: Optional[int] = None,
        initial_delay_seconds: Optional[int] = None,
        timeout_seconds: Optional[int] = None,
        success_threshold: Optional[int] = None,
        failure_threshold: Optional[int] = None,
        traffic_percentile: Optional[int] = None,
        is_default: Optional[bool] = None,
        is_control_version_type: Optional[bool] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
    ) -> None:
        """Add a version. `wait_for_deployment` waits until it answers.

        Args: as of `deploy_configuration`; beside them
            traffic_percentile: Its share of the requests, from 0 to 100; 0 by default.
            is_default: It gets what no version has a share of.
            is_control_version_type: The others are compared with it.

        Raises:
            WebserviceException: with every fault.
        """
        from amlet.sdk.deploy import send

        told = locals()
        _check_version(version_name, traffic_percentile)
        config = AksServiceDeploymentConfiguration(
            **{name: told[name] for name in VERSION_SETTINGS},
            tags=tags,
            properties=properties,
            description=description,
            auth_enabled=self.auth_enabled,
            token_auth_enabled=self.token_auth_enabled,
        )
        deployment = config._deployment()._replace(target=self._record.target)
        wanted = with_inference(
            with_models(deployment, chosen_models(self.workspace, models)),
            inference_config,
        )
        asked = config._request(self._name)._replace(
            version=version_name,
            traffic=traffic_percentile,
            is_default=bool(is_default),
            is_control=bool(is_control_version_type),
        )
        send(self.workspace, asked, wanted, config)
        self.update_deployment_state()

    def update_version(
        self,
        version_name: str,
        autoscale_enabled: Optional[bool] = None,
        autoscale_min_replicas: Optional[int] = None,
        autoscale_max_replicas: Optional[int] = None,
        autoscale_refresh_seconds: Optional[int] = None,
        autoscale_target_utilization: Optional[int] = None,
        collect_model_data: Optional[bool] = None,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        scoring_timeout_ms: Optional[int] = None,
        replica_max_concurrent_requests: Optional[int] = None,
        max_request_wait_time: Optional[int] = None,
        num_replicas: Optional[int] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        models: Any = None,
        inference_config: Any = None,
        gpu_cores: Optional[int] = None,
        period_seconds: Optional[int] = None,
        initial_delay_seconds: Optional[int] = None,
        timeout_seconds: Optional[int] = None,
        success_threshold: Optional[int] = None,
        failure_threshold: Optional[int] = None,
        traffic_percentile: Optional[int] = None,
        is_default: Optional[bool] = None,
        is_control_version_type: Optional[bool] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
    ) -> None:
        """Change what is given of a version; requests are answered meanwhile.

        Args: as of `create_version`.

        Raises:
            WebserviceException: if nothing is given, there is no such version, or with every fault.
        """
        told = {name: value for name, value in locals().items() if name not in ("self", "version_name")}
        check_given(told)
        _check_version(version_name, traffic_percentile)
        version = self._version_named(version_name)
        deployment: Deployment = version._record.deployment
        settings = {name: told[name] for name in VERSION_SETTINGS}
        if any(value is not None for value in settings.values()):
            deployment = changed(deployment, settings)
        version._update(
            deployment,
            models=models,
            inference_config=inference_config,
            tags=tags,
            properties=properties,
            description=description,
            traffic=traffic_percentile,
            is_default=is_default,
            is_control=is_control_version_type,
        )
        self.update_deployment_state()

    def delete_version(self, version_name: str) -> None:
        """End and delete a version.

        Raises:
            WebserviceException: if there is no such version.
        """
        self._version_named(version_name).delete()
        self.update_deployment_state()

    def serialize(self) -> Dict[str, Any]:
        """The endpoint and its versions under v1's keys."""
        return {
            **super().serialize(),
            "versions": {name: version.serialize() for name, version in self.versions.items()},
        }

    def _version_named(self, name: str) -> AksWebservice:
        held = self.versions
        if name not in held:
            raise WebserviceException(
                f"Endpoint {self._name} has no version {name!r}.", hint=f"it has: {', '.join(sorted(held)) or 'none'}."
            )
        return held[name]


def _check_version(name: Any, traffic_percentile: Any) -> None:
    faults = faults_of_version(name, traffic_percentile)
    if name is None:
        faults.append("version_name is missing")
    if faults:
        raise refusal(faults)
