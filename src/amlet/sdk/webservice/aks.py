"""Services as v1 had them on Kubernetes: several replicas, keys or tokens (v1-behaviours 15.21)."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from amlet.domain.deployment import Deployment
from amlet.sdk.exceptions import WebserviceException, as_v1
from amlet.sdk.notice import warn_ignored
from amlet.sdk.webservice.aci import check_no_image
from amlet.sdk.webservice.aks_configuration import AksServiceDeploymentConfiguration, faults_of_replicas
from amlet.sdk.webservice.cloud import CloudWebservice, check_given
from amlet.sdk.webservice.configuration import refusal
from amlet.sdk.webservice.parts import AksServiceAccessToken, AutoScaler, DataCollection, LivenessProbeRequirements
from amlet.sdk.webservice.settings import (
    AKS_NO_EFFECT,
    CONCURRENT,
    PROBE,
    TIMEOUT_MS,
    WAIT_MS,
    auth_of,
    filled_up,
    given_of,
    with_replicas,
)


class AksWebservice(CloudWebservice):
    """A service with several replicas, as many as its load needs unless their number is given. Closed by keys.

    Raises:
        WebserviceException: if the workspace has no such service, or it is of another class.
    """

    _webservice_type: Optional[str] = "AKS"

    deploy_configuration: Any = AksServiceDeploymentConfiguration
    """How a new service is to be: its parameters are those of the configuration."""

    def update(
        self,
        image: Any = None,
        autoscale_enabled: Optional[bool] = None,
        autoscale_min_replicas: Optional[int] = None,
        autoscale_max_replicas: Optional[int] = None,
        autoscale_refresh_seconds: Optional[int] = None,
        autoscale_target_utilization: Optional[int] = None,
        collect_model_data: Optional[bool] = None,
        auth_enabled: Optional[bool] = None,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        enable_app_insights: Optional[bool] = None,
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
        namespace: Optional[str] = None,
        token_auth_enabled: Optional[bool] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
        **kwargs: Any,
    ) -> None:
        """Change what is given; requests are answered meanwhile. `wait_for_deployment` waits for the new replicas.

        Args: as of `deploy_configuration`; beside them
            tags: In place of all tags.
            properties: Added; those that are there cannot change.
            models: In place of all models.
            inference_config: Another entry script, environment or both.

        Raises:
            WebserviceException: if nothing is given, or with every fault.
        """
        settings = {name: value for name, value in locals().items() if name not in ("self", "kwargs", "__class__")}
        check_given(settings)
        if kwargs:
            raise TypeError(f"update() has no parameter {next(iter(kwargs))!r}.")
        check_no_image(image)
        if auth_enabled and token_auth_enabled:
            raise refusal(["auth_enabled and token_auth_enabled exclude each other: keys or tokens"])
        deployment = changed(self._record.deployment, settings)
        if auth_enabled is not None or token_auth_enabled is not None:
            deployment = deployment._replace(
                auth=auth_of(auth_enabled, token_auth_enabled, default=self._record.deployment.auth)
            )
        self._update(
            deployment,
            models=models,
            inference_config=inference_config,
            tags=tags,
            properties=properties,
            description=description,
        )

    @property
    def autoscaler(self) -> AutoScaler:
        """Between how many replicas it moves."""
        held = self._record.deployment.autoscale
        if held is None:
            return AutoScaler(False, None, None, None, None)
        return AutoScaler(True, held.max_replicas, held.min_replicas, held.refresh_s, held.target_utilization)

    @property
    def num_replicas(self) -> int:
        """How many replicas answer, or will."""
        return self._record.processes or self._record.deployment.least_processes

    @property
    def compute_name(self) -> Optional[str]:
        """The serving target; None: this machine."""
        return self._record.target

    @property
    def data_collection(self) -> DataCollection:
        """What is kept of requests."""
        return DataCollection(False, self._record.deployment.capture is not None)

    @property
    def deployment_status(self) -> Dict[str, Any]:
        """How far the deployment is."""
        return {
            "replicas": self._record.processes,
            "revision": self._record.revision,
            "state": self.state,
            "step": self._record.step,
        }

    @property
    def liveness_probe_requirements(self) -> LivenessProbeRequirements:
        """How v1 would watch a replica, as it was asked for; its node stays with the process itself."""
        return LivenessProbeRequirements(*(self._detail(name) or default for name, default in PROBE.items()))

    @property
    def max_concurrent_requests_per_container(self) -> int:
        """How many requests a replica works on at a time."""
        return self._record.deployment.max_concurrent or CONCURRENT

    @property
    def max_request_wait_time(self) -> int:
        """How long a request may wait for its turn, in ms."""
        wait_ms = self._record.deployment.max_wait_ms
        return WAIT_MS if wait_ms is None else wait_ms

    @property
    def scoring_timeout_ms(self) -> int:
        """How long a request may take, in ms."""
        return self._record.deployment.scoring_timeout_ms or TIMEOUT_MS

    @property
    def namespace(self) -> Optional[str]:
        """v1's Kubernetes namespace, as it was asked for."""
        namespace: Optional[str] = self._detail("namespace")
        return namespace

    @property
    def is_default(self) -> bool:
        """Of a version of an endpoint: whether it gets what no version has a share of."""
        return self._record.is_default

    @property
    def traffic_percentile(self) -> Optional[int]:
        """Of a version of an endpoint: its share of the requests, in percent."""
        return self._record.traffic if self._record.version else None

    @property
    def version_type(self) -> Optional[str]:
        """Of a version of an endpoint: `Control` or `Treatment`."""
        if not self._record.version:
            return None
        return "Control" if self._record.is_control else "Treatment"

    def get_access_token(self) -> AksServiceAccessToken:
        """A token for requests, until its `expiry_on`.

        Raises:
            WebserviceException: if the service takes none.
        """
        held = self.workspace._connection
        with as_v1(WebserviceException):
            made = held.client.services.token(held.workspace_id, self._name)
        return AksServiceAccessToken(made.token, "Bearer", made.refresh_after, made.expires)

    def get_token(self) -> Tuple[str, Any]:
        """A token for requests, and from when on to ask for another. `get_access_token` tells more.

        Raises:
            WebserviceException: if the service takes none.
        """
        made = self.get_access_token()
        return made.access_token, made.refresh_after

    def serialize(self) -> Dict[str, Any]:
        """The service under v1's keys."""
        return {
            **super().serialize(),
            "appInsightsEnabled": self.enable_app_insights,
            "autoScaler": self.autoscaler.serialize(),
            "computeName": self.compute_name,
            "containerResourceRequirements": self.container_resource_requirements.serialize(),
            "dataCollection": self.data_collection.serialize(),
            "deploymentStatus": self.deployment_status,
            "isDefault": self.is_default,
            "livenessProbeRequirements": self.liveness_probe_requirements.serialize(),
            "maxConcurrentRequestsPerContainer": self.max_concurrent_requests_per_container,
            "maxQueueWaitMs": self.max_request_wait_time,
            "namespace": self.namespace,
            "numReplicas": self.num_replicas,
            "scoringTimeoutMs": self.scoring_timeout_ms,
            "tokenAuthEnabled": self.token_auth_enabled,
            "trafficPercentile": self.traffic_percentile,
            "versionType": self.version_type,
        }


def changed(before: Deployment, settings: Mapping[str, Any]) -> Deployment:
    """The deployment with the settings of replicas that are given.

    Raises:
        WebserviceException: with every fault.
    """
    asked = filled_up(before, settings)
    faults = faults_of_replicas(asked)
    if faults:
        raise refusal(faults)
    warn_ignored("update", list(given_of(asked, ("gpu_cores", *AKS_NO_EFFECT))), stacklevel=4)
    return with_replicas(before, asked)
