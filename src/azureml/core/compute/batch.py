"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import BatchAttachConfiguration, BatchCompute

__all__ = ["BatchAttachConfiguration", "BatchCompute"]
