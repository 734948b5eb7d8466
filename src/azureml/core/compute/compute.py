"""v1's module: names of amlet.sdk."""

from amlet.sdk.compute import ComputeTarget
from amlet.sdk.compute_configuration import (
    ComputeTargetAttachConfiguration,
    ComputeTargetProvisioningConfiguration,
    ComputeTargetUpdateConfiguration,
)
from amlet.sdk.exceptions import ComputeTargetException

__all__ = [
    "ComputeTarget",
    "ComputeTargetAttachConfiguration",
    "ComputeTargetException",
    "ComputeTargetProvisioningConfiguration",
    "ComputeTargetUpdateConfiguration",
]
