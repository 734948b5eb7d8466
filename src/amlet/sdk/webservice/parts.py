"""Parts of what v1 told of a service: what a replica gets, how many there are, how it is watched, its token."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Mapping, Optional, Union

from amlet.sdk.exceptions import WebserviceException


class ContainerResourceRequirements:
    """What one replica gets.

    Args:
        cpu: Cores that are kept for it.
        memory_in_gb: Memory that is kept for it.
        cpu_limit: Cores that it may take.
        memory_in_gb_limit: Memory that it may take.
    """

    def __init__(
        self,
        cpu: Optional[float],
        memory_in_gb: Optional[float],
        gpu: Optional[int] = None,
        cpu_limit: Optional[float] = None,
        memory_in_gb_limit: Optional[float] = None,
    ) -> None:
        self.cpu = cpu
        self.cpu_limit = cpu_limit
        self.memory_in_gb = memory_in_gb
        self.memory_in_gb_limit = memory_in_gb_limit
        self.gpu = gpu

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "cpu": self.cpu,
            "cpuLimit": self.cpu_limit,
            "memoryInGB": self.memory_in_gb,
            "memoryInGBLimit": self.memory_in_gb_limit,
            "gpu": self.gpu,
        }

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[ContainerResourceRequirements]:
        """From v1's keys; None of nothing."""
        if payload_obj is None:
            return None
        _need("ContainerResourceRequirements", payload_obj, "cpu", "memoryInGB")
        return ContainerResourceRequirements(
            payload_obj["cpu"],
            payload_obj["memoryInGB"],
            payload_obj.get("gpu"),
            payload_obj.get("cpuLimit"),
            payload_obj.get("memoryInGBLimit"),
        )


class AutoScaler:
    """Between how many replicas a service moves, and when.

    Args:
        refresh_period_seconds: How often the load is looked at.
        target_utilization: The load to hold, in percent of what the replicas can do.
    """

    def __init__(
        self,
        autoscale_enabled: Optional[bool],
        max_replicas: Optional[int],
        min_replicas: Optional[int],
        refresh_period_seconds: Optional[int],
        target_utilization: Optional[int],
    ) -> None:
        self.autoscale_enabled = autoscale_enabled
        self.max_replicas = max_replicas
        self.min_replicas = min_replicas
        self.refresh_period_seconds = refresh_period_seconds
        self.target_utilization = target_utilization

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "autoscaleEnabled": self.autoscale_enabled,
            "minReplicas": self.min_replicas,
            "maxReplicas": self.max_replicas,
            "refreshPeriodInSeconds": self.refresh_period_seconds,
            "targetUtilization": self.target_utilization,
        }

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[AutoScaler]:
        """From v1's keys; None of nothing."""
        if payload_obj is None:
            return None
        names = ("autoscaleEnabled", "maxReplicas", "minReplicas", "refreshPeriodInSeconds", "targetUtilization")
        _need("AutoScaler", payload_obj, *names)
        return AutoScaler(*(payload_obj[name] for name in names))


class LivenessProbeRequirements:
    """How v1 asked a replica whether it lives. Here its node stays with the process itself; the figures are kept."""

    def __init__(
        self,
        period_seconds: Optional[int],
        initial_delay_seconds: Optional[int],
        timeout_seconds: Optional[int],
        success_threshold: Optional[int],
        failure_threshold: Optional[int],
    ) -> None:
        self.period_seconds = period_seconds
        self.initial_delay_seconds = initial_delay_seconds
        self.timeout_seconds = timeout_seconds
        self.success_threshold = success_threshold
        self.failure_threshold = failure_threshold

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "periodSeconds": self.period_seconds,
            "initialDelaySeconds": self.initial_delay_seconds,
            "timeoutSeconds": self.timeout_seconds,
            "successThreshold": self.success_threshold,
            "failureThreshold": self.failure_threshold,
        }

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[LivenessProbeRequirements]:
        """From v1's keys; None of nothing."""
        if payload_obj is None:
            return None
        names = ("periodSeconds", "initialDelaySeconds", "timeoutSeconds", "successThreshold", "failureThreshold")
        _need("LivenessProbeRequirements", payload_obj, *names)
        return LivenessProbeRequirements(*(payload_obj[name] for name in names))


class DataCollection:
    """What a service keeps of its requests.

    Args:
        event_hub_enabled: v1's stream; there is none here.
        storage_enabled: Inputs and predictions are written to files.
    """

    def __init__(self, event_hub_enabled: Optional[bool], storage_enabled: Optional[bool]) -> None:
        self.event_hub_enabled = event_hub_enabled
        self.storage_enabled = storage_enabled

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {"eventHubEnabled": self.event_hub_enabled, "storageEnabled": self.storage_enabled}

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[DataCollection]:
        """From v1's keys; None of nothing."""
        if payload_obj is None:
            return None
        _need("DataCollection", payload_obj, "eventHubEnabled", "storageEnabled")
        return DataCollection(payload_obj["eventHubEnabled"], payload_obj["storageEnabled"])


class EncryptionProperties:
    """The key with which v1 encrypted a container's disk. Kept as given; there is no such disk here."""

    def __init__(self, cmk_vault_base_url: str, cmk_key_name: str, cmk_key_version: str) -> None:
        self.cmk_vault_base_url = cmk_vault_base_url
        self.cmk_key_name = cmk_key_name
        self.cmk_key_version = cmk_key_version

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {
            "vaultBaseUrl": self.cmk_vault_base_url,
            "keyName": self.cmk_key_name,
            "keyVersion": self.cmk_key_version,
        }

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[EncryptionProperties]:
        """From v1's keys; None of nothing."""
        if payload_obj is None:
            return None
        names = ("vaultBaseUrl", "keyName", "keyVersion")
        _need("EncryptionProperties", payload_obj, *names)
        return EncryptionProperties(*(payload_obj[name] for name in names))


class VnetConfiguration:
    """The network that v1 put a container in. Kept as given; services listen on this machine."""

    def __init__(self, vnet_name: str, subnet_name: str) -> None:
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys."""
        return {"vnetName": self.vnet_name, "subnetName": self.subnet_name}

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[VnetConfiguration]:
        """From v1's keys; None of nothing."""
        if payload_obj is None:
            return None
        _need("VnetConfiguration", payload_obj, "vnetName", "subnetName")
        return VnetConfiguration(payload_obj["vnetName"], payload_obj["subnetName"])


class WebServiceAccessToken:
    """A token for a service.

    Args:
        access_token: What goes into `Authorization: Bearer <token>`.
        refresh_after: From when on a new one should be asked for.
        expiry_on: When it ends.
    """

    def __init__(
        self,
        access_token: str,
        token_type: str,
        refresh_after: Union[datetime, str],
        expiry_on: Union[datetime, str],
    ) -> None:
        self.access_token = access_token
        self.token_type = token_type
        self.refresh_after = refresh_after
        self.expiry_on = expiry_on

    def serialize(self) -> Dict[str, Any]:
        """Under v1's keys; times as ISO 8601."""
        return {
            "accessToken": self.access_token,
            "tokenType": self.token_type,
            "refreshAfter": _told(self.refresh_after),
            "expiryOn": _told(self.expiry_on),
        }

    @classmethod
    def deserialize(cls, payload_obj: Mapping[str, Any]) -> WebServiceAccessToken:
        """From v1's keys."""
        names = ("accessToken", "tokenType", "refreshAfter", "expiryOn")
        _need(cls.__name__, payload_obj, *names)
        return cls(*(payload_obj[name] for name in names))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(token_type={self.token_type}, expiry_on={_told(self.expiry_on)})"


class AksServiceAccessToken(WebServiceAccessToken):
    """A token for an AksWebservice."""


def _told(time: Union[datetime, str]) -> str:
    return time if isinstance(time, str) else time.isoformat()


def _need(kind: str, payload: Mapping[str, Any], *names: str) -> None:
    missing = [name for name in names if name not in payload]
    if missing:
        raise WebserviceException(f"A {kind} cannot be made of this payload: it has no {', '.join(missing)}.")
