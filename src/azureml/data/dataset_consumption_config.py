"""v1's module: names of amlet.sdk."""

from amlet.sdk.dataset_consumption_config import DatasetConsumptionConfig

__all__ = ["DatasetConsumptionConfig"]
