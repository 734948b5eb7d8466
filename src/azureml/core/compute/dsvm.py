"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import DsvmCompute, DsvmProvisioningConfiguration

__all__ = ["DsvmCompute", "DsvmProvisioningConfiguration"]
