"""v1's module: names of amlet.sdk."""

from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.distributed import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from amlet.sdk.environment import Environment
from amlet.sdk.refused_names import AzureContainerRegistry, ContainerRegistry, EnvironmentDefinition
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.runconfig_data import (
    Data,
    DatacacheConfiguration,
    DataLocation,
    DataPath,
    DataReferenceConfiguration,
    Dataset,
    DatasetRegistrationOptions,
    GlobsOptions,
    MountOptions,
    OutputData,
    OutputOptions,
    RegistrationOptions,
    UploadOptions,
    Uri,
)
from amlet.sdk.runconfig_sections import (
    AmlComputeConfiguration,
    ApplicationEndpointConfiguration,
    DockerConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    ParallelTaskConfiguration,
    SparkConfiguration,
)

__all__ = [
    "AmlComputeConfiguration",
    "ApplicationEndpointConfiguration",
    "AzureContainerRegistry",
    "CondaDependencies",
    "ContainerRegistry",
    "Data",
    "DataLocation",
    "DataPath",
    "DataReferenceConfiguration",
    "DatacacheConfiguration",
    "Dataset",
    "DatasetRegistrationOptions",
    "DockerConfiguration",
    "Environment",
    "EnvironmentDefinition",
    "GlobsOptions",
    "HdiConfiguration",
    "HistoryConfiguration",
    "KubernetesComputeConfiguration",
    "MountOptions",
    "MpiConfiguration",
    "OutputData",
    "OutputOptions",
    "ParallelTaskConfiguration",
    "PyTorchConfiguration",
    "RegistrationOptions",
    "RunConfiguration",
    "SparkConfiguration",
    "TensorflowConfiguration",
    "UploadOptions",
    "Uri",
]
