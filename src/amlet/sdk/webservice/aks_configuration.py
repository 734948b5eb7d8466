"""What a deployment as v1 had it on Kubernetes is asked to be (v1-behaviours 15.21)."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional

from amlet.domain.deployment import AKS_SERVICE, BY_KEY, ENDPOINT, Deployment
from amlet.sdk.notice import warn_ignored
from amlet.sdk.webservice.configuration import (
    WebserviceDeploymentConfiguration,
    above_zero,
    is_number,
    is_whole,
    refusal,
)
from amlet.sdk.webservice.settings import (
    AKS_NO_EFFECT,
    AUTOSCALE,
    CONCURRENT,
    TIMEOUT_MS,
    WAIT_MS,
    auth_of,
    given_of,
    with_replicas,
)

COUNTS = (
    "scoring_timeout_ms",
    "replica_max_concurrent_requests",
    "num_replicas",
    "period_seconds",
    "initial_delay_seconds",
    "timeout_seconds",
    "success_threshold",
    "failure_threshold",
    "autoscale_min_replicas",
    "autoscale_max_replicas",
    "autoscale_refresh_seconds",
)
"""Whole numbers from 1 on."""

MIN_REPLICAS = 1
MAX_REPLICAS = 10


class AksServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """How a service with several replicas is to be.

    What names parts of a Kubernetes cluster is kept as given and has no effect; a warning names it.

    Args:
        autoscale_enabled: Whether the number of replicas follows the load; True unless `num_replicas` is given.
        autoscale_min_replicas: 1 by default.
        autoscale_max_replicas: 10 by default.
        autoscale_refresh_seconds: How often the load is looked at; 1 by default.
        autoscale_target_utilization: The load to hold, in percent; 70 by default.
        collect_model_data: Keep inputs and predictions.
        auth_enabled: Whether requests need a key. True, unless tokens are asked for.
        cpu_cores: Cores that a replica keeps; 0.1 by default. `cpu_cores_limit` is what it may take.
        memory_gb: Memory that a replica keeps, in GB; 0.5 by default. `memory_gb_limit` is what it may take.
        scoring_timeout_ms: How long a request may take; 60,000 by default.
        replica_max_concurrent_requests: How many requests a replica works on at a time; 1 by default.
        max_request_wait_time: How long a request may wait for its turn, in ms; 500 by default.
        num_replicas: How many replicas there are, without autoscaling.
        token_auth_enabled: Whether requests need a token, see `get_access_token`. False by default.

    Raises:
        WebserviceException: with every fault.
    """

    def __init__(
        self,
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
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        gpu_cores: Optional[int] = None,
        period_seconds: Optional[int] = None,
        initial_delay_seconds: Optional[int] = None,
        timeout_seconds: Optional[int] = None,
        success_threshold: Optional[int] = None,
        failure_threshold: Optional[int] = None,
        namespace: Optional[str] = None,
        token_auth_enabled: Optional[bool] = None,
        compute_target_name: Optional[str] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
        blobfuse_enabled: Optional[bool] = None,
    ) -> None:
        super().__init__("AKS", description, tags, properties, primary_key, secondary_key)
        self.autoscale_enabled = autoscale_enabled
        self.autoscale_min_replicas = autoscale_min_replicas
        self.autoscale_max_replicas = autoscale_max_replicas
        self.autoscale_refresh_seconds = autoscale_refresh_seconds
        self.autoscale_target_utilization = autoscale_target_utilization
        self.collect_model_data = collect_model_data
        self.auth_enabled = auth_enabled
        self.cpu_cores = cpu_cores
        self.cpu_cores_limit = cpu_cores_limit
        self.memory_gb = memory_gb
        self.memory_gb_limit = memory_gb_limit
        self.gpu_cores = gpu_cores
        self.enable_app_insights = enable_app_insights
        self.scoring_timeout_ms = scoring_timeout_ms
        self.replica_max_concurrent_requests = replica_max_concurrent_requests
        self.max_request_wait_time = max_request_wait_time
        self.num_replicas = num_replicas
        self.period_seconds = period_seconds
        self.initial_delay_seconds = initial_delay_seconds
        self.timeout_seconds = timeout_seconds
        self.success_threshold = success_threshold
        self.failure_threshold = failure_threshold
        self.namespace = namespace
        self.token_auth_enabled = token_auth_enabled
        self.compute_target_name = compute_target_name
        self.blobfuse_enabled = blobfuse_enabled
        self.validate_configuration()
        ignored = list(given_of(self, ("gpu_cores", *AKS_NO_EFFECT)))
        warn_ignored("AksWebservice.deploy_configuration", ignored)

    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            WebserviceException: with every fault.
        """
        faults = faults_of_replicas(self) + self._shared_faults()
        if self.auth_enabled and self.token_auth_enabled:
            faults.append("auth_enabled and token_auth_enabled exclude each other: keys or tokens")
        if faults:
            raise refusal(faults)

    def print_deploy_configuration(self) -> None:
        """Print what it asks for."""
        self._print(
            "cpu_cores",
            "cpu_cores_limit",
            "memory_gb",
            "memory_gb_limit",
            "num_replicas",
            "autoscale_enabled",
            *AUTOSCALE,
            "scoring_timeout_ms",
            "replica_max_concurrent_requests",
            "max_request_wait_time",
            "auth_enabled",
            "token_auth_enabled",
            "collect_model_data",
            "compute_target_name",
            "description",
            "tags",
            "properties",
        )

    def _deployment(self) -> Deployment:
        begin = Deployment(
            kind=AKS_SERVICE,
            auth=auth_of(self.auth_enabled, self.token_auth_enabled, default=BY_KEY),
            scoring_timeout_ms=TIMEOUT_MS,
            max_wait_ms=WAIT_MS,
            max_concurrent=CONCURRENT,
        )
        asked = copy.copy(self)
        if self.autoscale_enabled is None:
            asked.autoscale_enabled = self.num_replicas is None
        return with_replicas(begin, asked)


class AksEndpointDeploymentConfiguration(AksServiceDeploymentConfiguration):
    """How an endpoint and its first version are to be.

    Args:
        version_name: What the version is called; the endpoint's name by default.
        traffic_percentile: Its share of the requests, from 0 to 100; 100 by default.

    Raises:
        WebserviceException: with every fault.
    """

    def __init__(
        self,
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
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        gpu_cores: Optional[int] = None,
        period_seconds: Optional[int] = None,
        initial_delay_seconds: Optional[int] = None,
        timeout_seconds: Optional[int] = None,
        success_threshold: Optional[int] = None,
        failure_threshold: Optional[int] = None,
        namespace: Optional[str] = None,
        token_auth_enabled: Optional[bool] = None,
        version_name: Optional[str] = None,
        traffic_percentile: Optional[int] = None,
        compute_target_name: Optional[str] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
    ) -> None:
        self.version_name = version_name
        self.traffic_percentile = traffic_percentile
        super().__init__(
            autoscale_enabled=autoscale_enabled,
            autoscale_min_replicas=autoscale_min_replicas,
            autoscale_max_replicas=autoscale_max_replicas,
            autoscale_refresh_seconds=autoscale_refresh_seconds,
            autoscale_target_utilization=autoscale_target_utilization,
            collect_model_data=collect_model_data,
            auth_enabled=auth_enabled,
            cpu_cores=cpu_cores,
            memory_gb=memory_gb,
            enable_app_insights=enable_app_insights,
            scoring_timeout_ms=scoring_timeout_ms,
            replica_max_concurrent_requests=replica_max_concurrent_requests,
            max_request_wait_time=max_request_wait_time,
            num_replicas=num_replicas,
            primary_key=primary_key,
            secondary_key=secondary_key,
            tags=tags,
            properties=properties,
            description=description,
            gpu_cores=gpu_cores,
            period_seconds=period_seconds,
            initial_delay_seconds=initial_delay_seconds,
            timeout_seconds=timeout_seconds,
            success_threshold=success_threshold,
            failure_threshold=failure_threshold,
            namespace=namespace,
            token_auth_enabled=token_auth_enabled,
            compute_target_name=compute_target_name,
            cpu_cores_limit=cpu_cores_limit,
            memory_gb_limit=memory_gb_limit,
        )
        self.validate_endpoint_configuration()

    def validate_endpoint_configuration(self) -> None:
        """Check what only an endpoint has.

        Raises:
            WebserviceException: with every fault.
        """
        faults = faults_of_version(self.version_name, self.traffic_percentile)
        if faults:
            raise refusal(faults)

    def _endpoint(self) -> Deployment:
        """The endpoint itself, before it has a version."""
        return Deployment(kind=ENDPOINT, auth=auth_of(self.auth_enabled, self.token_auth_enabled, default=BY_KEY))


def faults_of_replicas(asked: Any) -> List[str]:
    """The faults of what is said of replicas; also of an update, where only changes are given."""
    faults = above_zero(asked, "cpu_cores", "memory_gb", "cpu_cores_limit", "memory_gb_limit")
    faults += above_zero(asked, *COUNTS, whole=True)
    for name in ("cpu_cores", "memory_gb"):
        kept, limit = getattr(asked, name), getattr(asked, f"{name}_limit")
        if is_number(kept) and is_number(limit) and kept > limit:
            faults.append(f"{name} is {kept}, above {name}_limit, which is {limit}")
    wait = asked.max_request_wait_time
    if wait is not None and not is_whole(wait, 0):
        faults.append(f"max_request_wait_time must be a whole number of milliseconds, not {wait!r}")
    if asked.gpu_cores is not None and not is_whole(asked.gpu_cores, 0):
        faults.append(f"gpu_cores must be a whole number, not {asked.gpu_cores!r}")
    percent = asked.autoscale_target_utilization
    if percent is not None and not (is_number(percent) and 0 < percent <= 100):
        faults.append(f"autoscale_target_utilization must be a percentage above 0, not {percent!r}")
    return faults + _faults_of_scaling(asked)


def faults_of_version(version_name: Any, traffic_percentile: Any) -> List[str]:
    """The faults of a version's name and share of the requests."""
    from amlet.base.names import SERVICE

    faults = []
    if version_name is not None and not (isinstance(version_name, str) and SERVICE.allows(version_name)):
        faults.append(f"version_name {version_name!r} cannot be used: {SERVICE.words}")
    if traffic_percentile is not None and not (is_whole(traffic_percentile, 0, 100)):
        faults.append(f"traffic_percentile must be a whole number from 0 to 100, not {traffic_percentile!r}")
    return faults


def _faults_of_scaling(asked: Any) -> List[str]:
    faults = []
    if asked.autoscale_enabled and asked.num_replicas is not None:
        faults.append("num_replicas and autoscale_enabled exclude each other")
    if asked.autoscale_enabled is False or (asked.autoscale_enabled is None and asked.num_replicas is not None):
        told = [name for name in AUTOSCALE if getattr(asked, name) is not None]
        if told:
            faults.append(f"{', '.join(told)} need autoscale_enabled=True")
    lowest, highest = asked.autoscale_min_replicas, asked.autoscale_max_replicas
    lowest = MIN_REPLICAS if lowest is None else lowest
    highest = MAX_REPLICAS if highest is None else highest
    if is_number(lowest) and is_number(highest) and lowest > highest:
        faults.append(f"autoscale_min_replicas is {lowest}, above autoscale_max_replicas, which is {highest}")
    return faults
