"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import Asset, Image, ImageConfig, TargetRuntime

__all__ = ["Asset", "Image", "ImageConfig", "TargetRuntime"]
