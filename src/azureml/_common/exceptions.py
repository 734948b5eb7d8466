"""v1's module: names of amlet.sdk."""

from amlet.sdk.exceptions import AzureMLException

__all__ = ["AzureMLException"]
