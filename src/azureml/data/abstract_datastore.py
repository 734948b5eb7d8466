"""v1's module: names of amlet.sdk."""

from amlet.sdk.datastore_base import AbstractDatastore

__all__ = ["AbstractDatastore"]
