"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import DatacacheHydrationTracker, DatacacheStore

__all__ = ["DatacacheHydrationTracker", "DatacacheStore"]
