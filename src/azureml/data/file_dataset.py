"""v1's module: names of amlet.sdk."""

from amlet.sdk.dataset.file_dataset import FileDataset

__all__ = ["FileDataset"]
