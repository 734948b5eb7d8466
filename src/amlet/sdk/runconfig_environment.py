"""What a run configuration's file says of its environment."""

from __future__ import annotations

from typing import Dict

from amlet.sdk.config_element import Field
from amlet.sdk.environment import DockerSection, PythonSection

PYTHON: Dict[str, Field] = {
    "interpreter_path": Field("text", "The Python, where the user manages the packages."),
    "user_managed_dependencies": Field("flag", "Whether the user manages the packages."),
    "conda_dependencies_file": Field("text", "The conda file that lists the packages."),
    "base_conda_environment": Field("text", "The conda environment that this one began with."),
}
DOCKER: Dict[str, Field] = {
    "enabled": Field("flag", "Whether v1 ran this in a container."),
    "base_image": Field("text", "The image."),
    "base_dockerfile": Field("text", "The image's Dockerfile."),
    "shared_volumes": Field("flag"),
    "shm_size": Field("text"),
    "arguments": Field("list"),
}
ENVIRONMENT: Dict[str, Field] = {
    "name": Field("text"),
    "version": Field("text"),
    "environment_variables": Field("texts", "Variables of every job in this environment."),
    "python": Field("section", "Python and its packages.", PythonSection, PYTHON),
    "docker": Field("section", "The image that v1 built on.", DockerSection, DOCKER),
    "inferencing_stack_version": Field("text"),
}
