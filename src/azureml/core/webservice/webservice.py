"""v1's module: names of amlet.sdk."""

from amlet.sdk.webservice.configuration import WebserviceDeploymentConfiguration
from amlet.sdk.webservice.parts import (
    AutoScaler,
    ContainerResourceRequirements,
    DataCollection,
    LivenessProbeRequirements,
    WebServiceAccessToken,
)
from amlet.sdk.webservice.webservice import Webservice

__all__ = [
    "AutoScaler",
    "ContainerResourceRequirements",
    "DataCollection",
    "LivenessProbeRequirements",
    "WebServiceAccessToken",
    "Webservice",
    "WebserviceDeploymentConfiguration",
]
