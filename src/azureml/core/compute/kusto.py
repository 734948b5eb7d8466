"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import KustoAttachConfiguration, KustoCompute

__all__ = ["KustoAttachConfiguration", "KustoCompute"]
