"""v1's module: names of amlet.sdk."""

from amlet.sdk.resource_configuration import ResourceConfiguration

__all__ = ["ResourceConfiguration"]
