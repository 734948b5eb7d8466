"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import AppInsightsLoggingHandler, get_appinsights_log_handler

__all__ = ["AppInsightsLoggingHandler", "get_appinsights_log_handler"]
