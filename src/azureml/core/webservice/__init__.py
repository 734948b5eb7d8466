"""v1's module: names of amlet.sdk."""

from amlet.sdk.webservice import AciWebservice, AksEndpoint, AksWebservice, LocalWebservice, Webservice

__all__ = ["AciWebservice", "AksEndpoint", "AksWebservice", "LocalWebservice", "Webservice"]
