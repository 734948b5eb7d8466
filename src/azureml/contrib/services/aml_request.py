"""v1's module: names of amlet.sdk."""

from amlet.sdk.raw_http import AMLRequest, rawhttp

__all__ = ["AMLRequest", "rawhttp"]
