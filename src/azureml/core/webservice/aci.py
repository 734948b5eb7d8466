"""v1's module: names of amlet.sdk."""

from amlet.sdk.webservice.aci import AciWebservice
from amlet.sdk.webservice.aci_configuration import AciServiceDeploymentConfiguration
from amlet.sdk.webservice.parts import ContainerResourceRequirements, EncryptionProperties, VnetConfiguration

__all__ = [
    "AciServiceDeploymentConfiguration",
    "AciWebservice",
    "ContainerResourceRequirements",
    "EncryptionProperties",
    "VnetConfiguration",
]
