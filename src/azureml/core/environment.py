"""v1's module: names of amlet.sdk."""

from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.environment import DockerSection, Environment, PythonSection

__all__ = ["CondaDependencies", "DockerSection", "Environment", "PythonSection"]
