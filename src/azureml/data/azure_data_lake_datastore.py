"""v1's module: names of amlet.sdk."""

from amlet.sdk.datastore_lake import AbstractADLSDatastore, AzureDataLakeGen2Datastore
from amlet.sdk.refused_names import AzureDataLakeDatastore

__all__ = ["AbstractADLSDatastore", "AzureDataLakeDatastore", "AzureDataLakeGen2Datastore"]
