"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import AbstractEventLogger, ApplicationInsightsEventLogger, InMemoryEventLogger

__all__ = ["AbstractEventLogger", "ApplicationInsightsEventLogger", "InMemoryEventLogger"]
