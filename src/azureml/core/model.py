"""v1's module: names of amlet.sdk."""

from amlet.sdk.model import Model

__all__ = ["Model"]
