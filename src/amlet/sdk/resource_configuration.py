"""What a service of a model asks for, per replica."""

from __future__ import annotations

from typing import Any, Dict, Optional

from amlet.domain.model import Resources
from amlet.sdk.exceptions import WebserviceException


class ResourceConfiguration:
    """Cores, memory and GPUs that a registered model's service gets. None leaves a value to the machine."""

    def __init__(
        self, cpu: Optional[float] = None, memory_in_gb: Optional[float] = None, gpu: Optional[int] = None
    ) -> None:
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu

    def serialize(self) -> Dict[str, Any]:
        """The three values under v1's keys."""
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: Optional[Dict[str, Any]]) -> Optional[ResourceConfiguration]:
        """The inverse of `serialize`."""
        if payload_obj is None:
            return None
        return ResourceConfiguration(payload_obj.get("cpu"), payload_obj.get("memoryInGB"), payload_obj.get("gpu"))

    def _to_resources(self) -> Resources:
        """The record.

        Raises:
            WebserviceException: for values that are not above zero (v1-behaviours 14.10).
        """
        for name, value in (("cpu", self.cpu), ("memory_in_gb", self.memory_in_gb)):
            if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0):
                raise WebserviceException(f"resource_configuration: {name} must be a number above 0, not {value!r}.")
        if self.gpu is not None and (not isinstance(self.gpu, int) or self.gpu < 0):
            raise WebserviceException(f"resource_configuration: gpu must be a whole number, not {self.gpu!r}.")
        return Resources(
            None if self.cpu is None else float(self.cpu),
            None if self.memory_in_gb is None else float(self.memory_in_gb),
            self.gpu,
        )
