"""v1's settings of a service as fields of its deployment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict, Mapping, Optional

from amlet.domain.deployment import BY_KEY, BY_TOKEN, OPEN, Autoscale, Capture, Deployment
from amlet.domain.model import Resources

TIMEOUT_MS = 60_000
WAIT_MS = 500
CONCURRENT = 1
"""v1-behaviours 15.21."""

AUTOSCALE = {
    "autoscale_min_replicas": "min_replicas",
    "autoscale_max_replicas": "max_replicas",
    "autoscale_refresh_seconds": "refresh_s",
    "autoscale_target_utilization": "target_utilization",
}
LIMITS = {
    "scoring_timeout_ms": "scoring_timeout_ms",
    "replica_max_concurrent_requests": "max_concurrent",
    "max_request_wait_time": "max_wait_ms",
}
PROBE = {
    "period_seconds": 10,
    "initial_delay_seconds": 310,
    "timeout_seconds": 2,
    "success_threshold": 1,
    "failure_threshold": 3,
}
AKS_NO_EFFECT = ("enable_app_insights", "namespace", "blobfuse_enabled", *PROBE)
ACI_NO_EFFECT = (
    "location",
    "enable_app_insights",
    "dns_name_label",
    "cmk_vault_base_url",
    "cmk_key_name",
    "cmk_key_version",
    "vnet_name",
    "subnet_name",
)
"""Kept in `Deployment.details` to be told again."""


def given_of(asked: Any, names: Any) -> Dict[str, Any]:
    """Those of the settings that are given: neither None, nor a switch that is off."""
    found = {name: getattr(asked, name, None) for name in names}
    return {name: value for name, value in found.items() if value is not None and value is not False}


def auth_of(auth_enabled: Optional[bool], token_auth_enabled: Optional[bool] = None, *, default: str = OPEN) -> str:
    """Who may ask a service, from v1's two switches; the default where neither says it."""
    if token_auth_enabled:
        return BY_TOKEN
    if auth_enabled is not None:
        return BY_KEY if auth_enabled else OPEN
    return OPEN if default == BY_TOKEN and token_auth_enabled is False else default


def capture_of(collect_model_data: Optional[bool]) -> Optional[Capture]:
    """What is kept of requests."""
    return Capture(inputs=True, predictions=True) if collect_model_data else None


def resources_of(
    before: Optional[Resources], cpu: Optional[float], memory_gb: Optional[float], gpu: Optional[int] = None
) -> Optional[Resources]:
    """Those before, with what is given in its place; None of nothing."""
    held = before or Resources()
    made = Resources(
        held.cpu if cpu is None else float(cpu),
        held.memory_gb if memory_gb is None else float(memory_gb),
        held.gpu if gpu is None else gpu,
    )
    return None if made == Resources() else made


def with_replicas(before: Deployment, asked: Any) -> Deployment:
    """The deployment with what is given of an AksWebservice's replicas; who may ask is not among it.

    Args:
        asked: Has the names of AksServiceDeploymentConfiguration as attributes.
    """
    deployment = before._replace(
        resources=resources_of(before.resources, asked.cpu_cores, asked.memory_gb, asked.gpu_cores),
        limits=resources_of(before.limits, asked.cpu_cores_limit, asked.memory_gb_limit),
        details={**before.details, **given_of(asked, AKS_NO_EFFECT)},
    )
    for name, field in LIMITS.items():
        if getattr(asked, name) is not None:
            deployment = deployment._replace(**{field: getattr(asked, name)})
    if asked.collect_model_data is not None:
        deployment = deployment._replace(capture=capture_of(asked.collect_model_data))
    if asked.num_replicas is not None:
        return deployment._replace(replicas=asked.num_replicas, autoscale=None)
    if asked.autoscale_enabled is False:
        return deployment._replace(replicas=before.least_processes, autoscale=None)
    if asked.autoscale_enabled:
        told = {field: getattr(asked, name) for name, field in AUTOSCALE.items() if getattr(asked, name) is not None}
        return deployment._replace(replicas=None, autoscale=(before.autoscale or Autoscale())._replace(**told))
    return deployment


def filled_up(before: Deployment, settings: Mapping[str, Any]) -> SimpleNamespace:
    """Settings of an update; where they leave out how many replicas there are, as it was before."""
    asked = SimpleNamespace(blobfuse_enabled=None, enable_app_insights=None, namespace=None)
    vars(asked).update(settings)
    if asked.autoscale_enabled is None and asked.num_replicas is None:
        asked.autoscale_enabled = before.autoscale is not None
    if asked.autoscale_enabled and before.autoscale is not None:
        for name, field in AUTOSCALE.items():
            if getattr(asked, name) is None:
                setattr(asked, name, getattr(before.autoscale, field))
    return asked
