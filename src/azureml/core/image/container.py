"""v1's module: names of amlet.sdk."""

from amlet.sdk.container_image import ContainerImage, ContainerImageConfig

__all__ = ["ContainerImage", "ContainerImageConfig"]
