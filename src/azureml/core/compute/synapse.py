"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import SynapseAttachConfiguration, SynapseCompute

__all__ = ["SynapseAttachConfiguration", "SynapseCompute"]
