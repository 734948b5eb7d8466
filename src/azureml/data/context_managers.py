"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import DatasetContextManager, DatastoreContextManager

__all__ = ["DatasetContextManager", "DatastoreContextManager"]
