"""v1's module: names of amlet.sdk."""

from amlet.sdk.datastore_storage import (
    EMPTY_FILE,
    FILE,
    FOLDER,
    AbstractAzureStorageDatastore,
    AzureBlobDatastore,
    AzureFileDatastore,
)

__all__ = ["EMPTY_FILE", "FILE", "FOLDER", "AbstractAzureStorageDatastore", "AzureBlobDatastore", "AzureFileDatastore"]
