"""v1's module: names of amlet.sdk."""

from amlet.sdk.keyvault import Keyvault

__all__ = ["Keyvault"]
