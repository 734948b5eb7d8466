"""v1's module: names of amlet.sdk."""

from amlet.sdk.raw_http import rawhttp

__all__ = ["rawhttp"]
