"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import AdlaCompute, DataLakeAnalyticsAttachConfiguration

__all__ = ["AdlaCompute", "DataLakeAnalyticsAttachConfiguration"]
