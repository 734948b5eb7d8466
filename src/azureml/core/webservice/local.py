"""v1's module: names of amlet.sdk."""

from amlet.sdk.webservice.configuration import LocalWebserviceDeploymentConfiguration
from amlet.sdk.webservice.local import LocalWebservice

__all__ = ["LocalWebservice", "LocalWebserviceDeploymentConfiguration"]
