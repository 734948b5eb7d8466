"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import DatacacheSingularitySettings, SingularityPriority, SingularitySlaTier

__all__ = ["DatacacheSingularitySettings", "SingularityPriority", "SingularitySlaTier"]
