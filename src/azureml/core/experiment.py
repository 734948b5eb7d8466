"""v1's module: names of amlet.sdk."""

from amlet.sdk.experiment import Experiment, ViewType

__all__ = ["Experiment", "ViewType"]
