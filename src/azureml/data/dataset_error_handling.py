"""v1's module: names of amlet.sdk."""

from amlet.sdk.dataset.errors import DatasetExecutionError, DatasetValidationError

__all__ = ["DatasetExecutionError", "DatasetValidationError"]
