"""v1's module: names of amlet.sdk."""

from amlet.sdk.widgets import RunDetails

PLATFORM = "DATABRICKS"

__all__ = [
    "PLATFORM",
    "RunDetails",
]
