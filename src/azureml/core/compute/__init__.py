"""v1's module: names of amlet.sdk."""

from amlet.sdk.compute import AmlCompute, ComputeTarget

__all__ = ["AmlCompute", "ComputeTarget"]
