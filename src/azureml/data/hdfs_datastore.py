"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import HDFSDatastore

__all__ = ["HDFSDatastore"]
