"""v1's module: names of amlet.sdk."""

from amlet.sdk.dataset.tabular_dataset import TabularDataset

__all__ = ["TabularDataset"]
