"""v1's module: names of amlet.sdk."""

from amlet.sdk.container_registry import ContainerRegistry, RegistryIdentity

__all__ = ["ContainerRegistry", "RegistryIdentity"]
