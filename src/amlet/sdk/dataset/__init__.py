"""Datasets: definitions of data, read when they are needed. pandas and pyarrow are the environment's own, and late."""

from amlet.sdk.dataset.dataset import Dataset
from amlet.sdk.dataset.factories import FileDatasetFactory, TabularDatasetFactory
from amlet.sdk.dataset.file_dataset import FileDataset
from amlet.sdk.dataset.tabular_dataset import TabularDataset

__all__ = ["Dataset", "FileDataset", "FileDatasetFactory", "TabularDataset", "TabularDatasetFactory"]
