"""v1's module: names of amlet.sdk."""

from amlet.sdk.dataset.type_definitions import (
    FileEncoding,
    FileType,
    HistogramCompareMethod,
    PromoteHeadersBehavior,
    SkipLinesBehavior,
)

__all__ = ["FileEncoding", "FileType", "HistogramCompareMethod", "PromoteHeadersBehavior", "SkipLinesBehavior"]
