"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import DatabricksAttachConfiguration, DatabricksCompute

__all__ = ["DatabricksAttachConfiguration", "DatabricksCompute"]
