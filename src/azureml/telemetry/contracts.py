"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import (
    Event,
    ExtensionFields,
    Metric,
    RequiredFields,
    StandardFields,
    TelemetryObjectBase,
)

__all__ = ["Event", "ExtensionFields", "Metric", "RequiredFields", "StandardFields", "TelemetryObjectBase"]
