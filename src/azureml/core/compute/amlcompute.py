"""v1's module: names of amlet.sdk."""

from amlet.sdk.compute_cluster import AmlCompute
from amlet.sdk.compute_provisioning import AmlComputeProvisioningConfiguration
from amlet.sdk.compute_status import AmlComputeNodeStateCounts, AmlComputeStatus, ScaleSettings

__all__ = [
    "AmlCompute",
    "AmlComputeNodeStateCounts",
    "AmlComputeProvisioningConfiguration",
    "AmlComputeStatus",
    "ScaleSettings",
]
