"""v1's module: names of amlet.sdk."""

from amlet.sdk.datastore_sql import AzurePostgreSqlDatastore

__all__ = ["AzurePostgreSqlDatastore"]
