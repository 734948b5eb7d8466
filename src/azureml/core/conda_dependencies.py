"""v1's module: names of amlet.sdk."""

from amlet.sdk.conda_dependencies import CondaDependencies

__all__ = ["CondaDependencies"]
