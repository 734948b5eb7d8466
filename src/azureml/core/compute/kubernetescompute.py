"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import (
    KubernetesCompute,
    KubernetesComputeAttachConfiguration,
    KubernetesComputeStatus,
)

__all__ = ["KubernetesCompute", "KubernetesComputeAttachConfiguration", "KubernetesComputeStatus"]
