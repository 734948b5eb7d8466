"""v1's module: names of amlet.sdk."""

from amlet.sdk.data_path import DataPath, DataPathComputeBinding

__all__ = ["DataPath", "DataPathComputeBinding"]
