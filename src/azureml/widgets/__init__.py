"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import ParallelRunStepDetails
from amlet.sdk.widgets import RunDetails

__all__ = [
    "ParallelRunStepDetails",
    "RunDetails",
]
