"""v1's module: names of amlet.sdk."""

from amlet.sdk.experiment import Experiment

__all__ = ["Experiment"]
