"""v1's module: names of amlet.sdk."""

from amlet.sdk.dataset import Dataset

__all__ = ["Dataset"]
