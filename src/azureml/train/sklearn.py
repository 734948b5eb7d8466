"""v1's module: names of amlet.sdk."""

from amlet.sdk.estimator import SKLearn

__all__ = [
    "SKLearn",
]
