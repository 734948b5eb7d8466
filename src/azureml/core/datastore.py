"""v1's module: names of amlet.sdk."""

from amlet.sdk.datastore import Datastore

__all__ = ["Datastore"]
