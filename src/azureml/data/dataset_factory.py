"""v1's module: names of amlet.sdk."""

from amlet.sdk.dataset.data_type import DataType
from amlet.sdk.dataset.factories import FileDatasetFactory, TabularDatasetFactory

__all__ = ["DataType", "FileDatasetFactory", "TabularDatasetFactory"]
