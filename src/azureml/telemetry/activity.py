"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import (
    ActivityCompletionStatus,
    ActivityLoggerAdapter,
    ActivityType,
    log_activity,
    monitor_with_activity,
)

__all__ = [
    "ActivityCompletionStatus",
    "ActivityLoggerAdapter",
    "ActivityType",
    "log_activity",
    "monitor_with_activity",
]
