"""v1's module: names of amlet.sdk."""

from amlet.sdk.workspace import Workspace

__all__ = ["Workspace"]
