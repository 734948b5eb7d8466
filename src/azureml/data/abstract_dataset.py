"""v1's module: names of amlet.sdk."""

from amlet.sdk.dataset.abstract_dataset import AbstractDataset

__all__ = ["AbstractDataset"]
