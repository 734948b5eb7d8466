"""v1's module: names of amlet.sdk."""

from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.runconfig import DockerConfiguration, HistoryConfiguration, RunConfiguration

__all__ = ["CondaDependencies", "DockerConfiguration", "HistoryConfiguration", "RunConfiguration"]
