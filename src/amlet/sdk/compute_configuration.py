"""What the configurations of every kind of compute target share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Optional, Sequence

from amlet.sdk.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from amlet.wire.computes import CreateCompute


class ComputeTargetProvisioningConfiguration(ABC):
    """What a new compute target should be. Made by `provisioning_configuration` of the target's class."""

    def __init__(self, type: Any, location: Optional[str]) -> None:
        self._compute_type = type
        self.location = location

    @abstractmethod
    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            ComputeTargetException: with every fault.
        """

    @abstractmethod
    def _request(self) -> CreateCompute:
        """What the server is asked for."""


class ComputeTargetAttachConfiguration(ABC):
    """Which machine or cluster becomes a compute target. Made by `attach_configuration` of the target's class."""

    def __init__(self, type: Any) -> None:
        self._compute_type = type

    @abstractmethod
    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            ComputeTargetException: with every fault.
        """

    @abstractmethod
    def _request(self) -> CreateCompute:
        """What the server is asked for."""


class ComputeTargetUpdateConfiguration(ABC):
    """What an existing compute target should become."""

    def __init__(self, type: Any) -> None:
        self._compute_type = type

    @abstractmethod
    def validate_configuration(self) -> None:
        """Check it all.

        Raises:
            ComputeTargetException: with every fault.
        """


def refuse(faults: Sequence[str], *, hint: Optional[str] = None) -> NoReturn:
    """Tell every fault of a configuration."""
    raise ComputeTargetException(
        "The configuration of the compute target is wrong: " + "; ".join(faults) + ".", hint=hint
    )


def faults_of_network(vnet_resourcegroup_name: Any, vnet_name: Any, subnet_name: Any) -> List[str]:
    """Azure's virtual networks are named by three parts (v1-behaviours 11.3)."""
    parts = (vnet_resourcegroup_name, vnet_name, subnet_name)
    return ["vnet_resourcegroup_name, vnet_name and subnet_name go together"] if any(parts) and not all(parts) else []


def details_of(configuration: Any, *names: str) -> Dict[str, Any]:
    """Those settings of a configuration that were given, to be kept with the target and given back."""
    values = {name: getattr(configuration, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def is_count(value: Any) -> bool:
    """Whether it is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
