"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import UnknownImage

__all__ = ["UnknownImage"]
