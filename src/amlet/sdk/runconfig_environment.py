"""What the files of environments and run configurations say of an environment."""

from __future__ import annotations

from typing import Dict

from amlet.sdk.build_context import DockerBuildContext
from amlet.sdk.config_element import Field
from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.docker_section import DockerImagePlatform, DockerSection
from amlet.sdk.python_section import PythonSection
from amlet.sdk.spark_section import SparkPackage, SparkSection

PYTHON: Dict[str, Field] = {
    "interpreter_path": Field("text", "The Python, where the user manages the packages."),
    "user_managed_dependencies": Field("flag", "Whether the user manages the packages."),
    "conda_dependencies_file": Field("text", "The conda file that lists the packages."),
    "base_conda_environment": Field("text", "The conda environment that this one began with."),
    "strict": Field("flag", "Whether another Python or version than asked for is an error."),
}
PLATFORM: Dict[str, Field] = {"os": Field("text"), "architecture": Field("text")}
REGISTRY: Dict[str, Field] = {
    "address": Field("text", "Where the image is pulled from."),
    "username": Field("text"),
    "password": Field("text", "Never kept: log in with `podman login` or `docker login`."),
}
CONTEXT: Dict[str, Field] = {
    "location_type": Field("text"),
    "location": Field("text", "The folder of the Dockerfile."),
    "dockerfile_path": Field("text"),
}
DOCKER: Dict[str, Field] = {
    "enabled": Field("flag", "Chooses nothing: an image of your own is used, v1's is not."),
    "base_image": Field("text", "The image of the jobs' container; v1's own mean none."),
    "base_dockerfile": Field("text", "The text of a Dockerfile, in place of the image."),
    "build_context": Field("section", "A folder's Dockerfile, in place of both.", DockerBuildContext, CONTEXT, True),
    "base_image_registry": Field("section", "The image's registry.", ContainerRegistry, REGISTRY),
    "platform": Field("section", "", DockerImagePlatform, PLATFORM),
    "shared_volumes": Field("flag"),
    "gpu_support": Field("flag"),
    "shm_size": Field("text", "Size of the container's shared memory."),
    "arguments": Field("list", "More arguments of the container program."),
}
PACKAGE: Dict[str, Field] = {"group": Field("text"), "artifact": Field("text"), "version": Field("text")}
SPARK: Dict[str, Field] = {
    "repositories": Field("list"),
    "packages": Field("parts", "", SparkPackage, PACKAGE),
    "precache_packages": Field("flag"),
}
ENVIRONMENT: Dict[str, Field] = {
    "name": Field("text"),
    "version": Field("text"),
    "environment_variables": Field("texts", "Variables of every job in this environment."),
    "python": Field("section", "Python and its packages.", PythonSection, PYTHON),
    "docker": Field("section", "The image of the jobs' container.", DockerSection, DOCKER),
    "spark": Field("section", "Spark.", SparkSection, SPARK),
    "inferencing_stack_version": Field("text"),
    "asset_id": Field("text"),
}
