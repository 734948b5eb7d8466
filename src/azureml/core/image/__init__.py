"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import ContainerImage, Image, UnknownImage

__all__ = ["ContainerImage", "Image", "UnknownImage"]
