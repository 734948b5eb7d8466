"""v1's module: names of amlet.sdk."""

from amlet.sdk.container_image import ContainerImage
from amlet.sdk.refused_names import Image, UnknownImage

__all__ = ["ContainerImage", "Image", "UnknownImage"]
