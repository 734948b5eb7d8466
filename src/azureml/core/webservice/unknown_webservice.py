"""v1's module: names of amlet.sdk."""

from amlet.sdk.webservice.unknown import UnknownWebservice

__all__ = ["UnknownWebservice"]
