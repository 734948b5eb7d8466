"""v1's module: names of amlet.sdk."""

from amlet.sdk.telemetry import set_diagnostics_collection

__all__ = ["set_diagnostics_collection"]
