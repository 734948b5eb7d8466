"""v1's module: names of amlet.sdk."""

from amlet.sdk.build_context import DockerBuildContext
from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.docker_section import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    DockerEnvironment,
    DockerImagePlatform,
    DockerSection,
)
from amlet.sdk.environment import Environment, EnvironmentReference
from amlet.sdk.environment_build import ImageBuildDetails
from amlet.sdk.image_details import DockerImageDetails
from amlet.sdk.python_section import PythonEnvironment, PythonSection
from amlet.sdk.refused_names import RCranPackage, RGitHubPackage, RSection
from amlet.sdk.spark_section import SparkEnvironment, SparkPackage, SparkSection

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "CondaDependencies",
    "ContainerRegistry",
    "DockerBuildContext",
    "DockerEnvironment",
    "DockerImageDetails",
    "DockerImagePlatform",
    "DockerSection",
    "Environment",
    "EnvironmentReference",
    "ImageBuildDetails",
    "PythonEnvironment",
    "PythonSection",
    "RCranPackage",
    "RGitHubPackage",
    "RSection",
    "SparkEnvironment",
    "SparkPackage",
    "SparkSection",
]
