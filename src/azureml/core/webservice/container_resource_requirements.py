"""v1's module: names of amlet.sdk."""

from amlet.sdk.webservice.parts import ContainerResourceRequirements

__all__ = ["ContainerResourceRequirements"]
