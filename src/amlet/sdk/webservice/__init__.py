"""Services: deployed models that answer over HTTP. A class each for v1's kinds of them."""

from amlet.sdk.webservice.aci import AciWebservice
from amlet.sdk.webservice.aks import AksWebservice
from amlet.sdk.webservice.asking import call
from amlet.sdk.webservice.endpoint import AksEndpoint
from amlet.sdk.webservice.local import LocalWebservice
from amlet.sdk.webservice.unknown import UnknownWebservice
from amlet.sdk.webservice.webservice import Webservice

__all__ = [
    "AciWebservice",
    "AksEndpoint",
    "AksWebservice",
    "LocalWebservice",
    "UnknownWebservice",
    "Webservice",
    "call",
]
