"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import ContainerImage, ContainerImageConfig

__all__ = ["ContainerImage", "ContainerImageConfig"]
