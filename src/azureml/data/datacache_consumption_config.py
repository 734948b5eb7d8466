"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import DatacacheConsumptionConfig

__all__ = ["DatacacheConsumptionConfig"]
