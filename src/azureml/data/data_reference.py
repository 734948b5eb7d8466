"""v1's module: names of amlet.sdk."""

from amlet.sdk.data_reference import DataReference

__all__ = ["DataReference"]
