"""v1's module: names of amlet.sdk."""

from amlet.sdk.exceptions import AzureMLAggregatedException, AzureMLException

__all__ = ["AzureMLAggregatedException", "AzureMLException"]
