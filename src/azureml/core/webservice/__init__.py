"""v1's module: names of amlet.sdk."""

from amlet.sdk.webservice import Webservice

__all__ = ["Webservice"]
