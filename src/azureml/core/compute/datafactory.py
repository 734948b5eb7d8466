"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import (
    DataFactoryAttachConfiguration,
    DataFactoryCompute,
    DataFactoryProvisioningConfiguration,
)

__all__ = [
    "DataFactoryAttachConfiguration",
    "DataFactoryCompute",
    "DataFactoryProvisioningConfiguration",
]
