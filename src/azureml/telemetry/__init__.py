"""v1's module: names of amlet.sdk."""

from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused_names import get_event_logger
from amlet.sdk.telemetry import (
    add_diagnostics_properties,
    get_diagnostics_collection_info,
    get_telemetry_log_handler,
    is_diagnostics_collection_info_available,
    set_diagnostics_collection,
    set_diagnostics_properties,
)

__all__ = [
    "UserErrorException",
    "add_diagnostics_properties",
    "get_diagnostics_collection_info",
    "get_event_logger",
    "get_telemetry_log_handler",
    "is_diagnostics_collection_info_available",
    "set_diagnostics_collection",
    "set_diagnostics_properties",
]
