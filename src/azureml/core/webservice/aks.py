"""v1's module: names of amlet.sdk."""

from amlet.sdk.webservice.aks import AksWebservice
from amlet.sdk.webservice.aks_configuration import AksEndpointDeploymentConfiguration, AksServiceDeploymentConfiguration
from amlet.sdk.webservice.endpoint import AksEndpoint
from amlet.sdk.webservice.parts import (
    AksServiceAccessToken,
    AutoScaler,
    ContainerResourceRequirements,
    DataCollection,
    LivenessProbeRequirements,
)

__all__ = [
    "AksEndpoint",
    "AksEndpointDeploymentConfiguration",
    "AksServiceAccessToken",
    "AksServiceDeploymentConfiguration",
    "AksWebservice",
    "AutoScaler",
    "ContainerResourceRequirements",
    "DataCollection",
    "LivenessProbeRequirements",
]
