"""Environments: the packages, the variables and the Python of a job, as v1 writes them down."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

from amlet.domain.environment import EnvironmentSpec
from amlet.sdk.build_context import DockerBuildContext
from amlet.sdk.conda_dependencies import PYTHON_DEFAULT_VERSION, CondaDependencies
from amlet.sdk.config_element import ConfigElement
from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.docker_section import DEFAULT_CPU_IMAGE, DockerSection
from amlet.sdk.environment_spec import EXAMPLE_VARIABLES, fill, spec_of
from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.notice import given, say, warn, warn_ignored
from amlet.sdk.python_section import PythonSection
from amlet.sdk.refused import RefusedMember
from amlet.sdk.spark_section import SparkSection

if TYPE_CHECKING:
    from amlet.sdk.environment_build import ImageBuildDetails
    from amlet.sdk.image_details import DockerImageDetails
    from amlet.sdk.workspace import Workspace

DEFAULT_NAME = "default-environment"
CURATED = ("azureml", "microsoft")
"""Names that begin so are curated ones (v1-behaviours 10.9)."""


class Environment(ConfigElement):
    """A named set of packages and variables that jobs run in.

    Args:
        name: What it is called in the workspace.
    """

    label = RefusedMember('name a version: Environment.get(ws, name, version="3"); "latest" is the newest.')
    add_private_pip_wheel = RefusedMember(
        "name the wheel by a URL in pip's packages, serve it from an index, or put its code into the source folder."
    )

    def __init__(self, name: str, **kwargs: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"The name of an environment must be a str, not {type(name).__name__}.")
        self.name = name
        self.version: Optional[str] = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.spark = SparkSection()
        self._environment_variables: Dict[str, str] = dict(EXAMPLE_VARIABLES)
        self.inferencing_stack_version: Optional[str] = None
        self.asset_id: Optional[str] = None
        self.databricks: Any = None
        self.r: Any = None
        self._close()
        for key, value in kwargs.items():
            setattr(self, key, value)

    @property
    def environment_variables(self) -> Dict[str, str]:
        """Variables of every job in this environment. Those of the run configuration come before them."""
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, value: Dict[str, str]) -> None:
        import logging

        # v1-behaviours 10.2
        logging.getLogger("azureml.core.environment").warning(
            "Environment.environment_variables is deprecated, and works: RunConfiguration.environment_variables is "
            "for variables of one run."
        )
        self._environment_variables = value

    @staticmethod
    def get(workspace: Workspace, name: str, version: Optional[str] = None, label: Optional[str] = None) -> Environment:
        """A registered environment, else the curated one of that name; the latest version by default."""
        if version is not None and label is not None:
            raise UserErrorException("Give a version or a label of an environment, not both.")
        if label is not None and str(label).lower() != "latest":
            raise UserErrorException(f'There is no label "{label}".', hint='"latest" is the one there is.')
        from amlet.wire.environments import EnvironmentQuery

        held = workspace._connection
        query = EnvironmentQuery(None if version is None else str(version))
        with as_v1():
            record = held.client.environments.get(held.workspace_id, name, query)
        return Environment._from_spec(record.spec)

    @staticmethod
    def list(workspace: Workspace) -> Dict[str, Environment]:
        """The latest version of every environment by name, curated ones included."""
        held = workspace._connection
        with as_v1():
            records = held.client.environments.list(held.workspace_id).environments
        return {record.spec.name: Environment._from_spec(record.spec) for record in records}

    @staticmethod
    def versions(workspace: Workspace, name: str) -> List[Environment]:
        """Every registered version of an environment, oldest first; none for a curated one. Not in v1."""
        held = workspace._connection
        with as_v1():
            records = held.client.environments.versions(held.workspace_id, name).environments
        return [Environment._from_spec(record.spec) for record in records]

    @staticmethod
    def from_conda_specification(name: str, file_path: Union[str, Path]) -> Environment:
        """An environment with the packages of conda's yaml.

        One that names no Python gets 3.10.18, as in v1, with a warning.

        Raises:
            FileNotFoundError: if there is no such file.
            UserErrorException: with every fault of the file.
        """
        made = Environment(name)
        dependencies = CondaDependencies(file_path)
        if dependencies.get_python_version() is None:
            warn(f"{file_path} names no Python: python={PYTHON_DEFAULT_VERSION} is taken, as v1 does.")
            dependencies.set_python_version(PYTHON_DEFAULT_VERSION)
        if dependencies.as_dict().get("prefix"):
            say(f"{file_path}: its prefix is ignored, each environment has a folder of amlet's own.")
        made.python.conda_dependencies = dependencies
        return made

    @staticmethod
    def from_pip_requirements(name: str, file_path: Union[str, Path], pip_version: Optional[str] = None) -> Environment:
        """An environment with the packages of a requirements file, in place of the default ones.

        A line `-r other.txt` stands for the lines of that file.

        Raises:
            FileNotFoundError: if there is no such file, also one that a line names.
            UserErrorException: for a file of constraints.
        """
        from amlet.sdk.environment_sources import requirement_lines

        dependencies = CondaDependencies()
        dependencies.set_pip_requirements(requirement_lines(file_path))
        dependencies.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
        made = Environment(name)
        made.python.conda_dependencies = dependencies
        return made

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Optional[Environment]:
        """An environment with the packages that an environment of conda's has on this machine.

        Returns:
            None, with a message, when conda or that environment is missing.
        """
        from amlet.sdk.environment_sources import existing_conda_environment

        found = existing_conda_environment(conda_environment_name)
        if found is None:
            return None
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(_underlying_structure=found)
        return made

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: Optional[ContainerRegistry] = None,
        conda_specification: Optional[Union[str, Path]] = None,
        pip_requirements: Optional[Union[str, Path]] = None,
    ) -> Environment:
        """An environment whose jobs run in a container of an image.

        With neither specification the Python of the image runs them, with what it has.

        Raises:
            UserErrorException: if both specifications are given.
        """
        made = _in_container(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: Any,
        conda_specification: Optional[Union[str, Path]] = None,
        pip_requirements: Optional[Union[str, Path]] = None,
    ) -> Environment:
        """An environment whose jobs run in a container of the image that a Dockerfile makes.

        Args:
            dockerfile: Its text, its path, or an open file. It cannot take files out of a folder.

        Raises:
            UserErrorException: if both specifications are given.
        """
        made = _in_container(name, conda_specification, pip_requirements)
        made.docker.base_dockerfile = dockerfile
        return made

    @staticmethod
    def from_docker_build_context(name: str, docker_build_context: DockerBuildContext) -> Environment:
        """An environment whose jobs run in the image of a context's Dockerfile, with the Python in it."""
        made = _in_container(name, None, None)
        made.docker.build_context = docker_build_context
        return made

    @staticmethod
    def load_from_directory(path: Union[str, Path]) -> Environment:
        """Read what `save_to_directory` wrote.

        Raises:
            FileNotFoundError: if there is no definition in the folder.
            UserErrorException: with every fault of it.
        """
        from amlet.sdk import environment_folder

        return environment_folder.load(Path(path))

    def save_to_directory(self, path: Union[str, Path], overwrite: bool = False) -> None:
        """Write it to a folder: its definition, its conda yaml, its Dockerfile.

        Raises:
            FileExistsError: if the folder is there, unless `overwrite`.
        """
        from amlet.sdk import environment_folder

        environment_folder.save(self, Path(path), overwrite=overwrite)

    def clone(self, new_name: str) -> Environment:
        """A copy under another name, without a version."""
        if not new_name:
            raise UserErrorException("A clone of an environment needs a name.")
        twin = copy.deepcopy(self)
        twin.name, twin.version = new_name, None
        return twin

    def register(self, workspace: Workspace) -> Environment:
        """Keep it in the workspace. An unchanged one keeps its version.

        Returns:
            A new object that carries the version.
        """
        if self.version is not None:
            warn(f'environment "{self.name}" is registered as version {self.version}, which it names.')
        self._tell_what_is_left_out()
        held = workspace._connection
        spec = self._to_spec()
        with as_v1():
            record = held.client.environments.register(held.workspace_id, spec)
        twin = copy.deepcopy(self)
        twin.version = record.spec.version
        return twin

    def build(self, workspace: Workspace, image_build_compute: Optional[str] = None) -> ImageBuildDetails:
        """Register it, resolve it for today's packages, and build it at the server.

        Returns:
            The build, to be waited for.
        """
        warn_ignored("Environment.build", given(image_build_compute=image_build_compute))
        return self._build(workspace, anew=True)

    def build_local(self, workspace: Workspace, platform: Any = None, **kwargs: Any) -> str:
        """Build it now, with the log printed. It is the build that runs use, and needs no container program.

        Returns:
            The log.

        Raises:
            UserErrorException: if it cannot be built.
        """
        details = self._build(workspace, anew=False)
        details.wait_for_completion(show_output=True)
        if details.error is not None:
            raise UserErrorException(f'Environment "{self.name}" could not be built: {details.error}')
        return details.get_log()

    def get_image_details(self, workspace: Workspace) -> DockerImageDetails:
        """What it was resolved to, with a Dockerfile that makes the same packages elsewhere."""
        from amlet.sdk.image_details import image_details

        return image_details(self, workspace)

    def __str__(self) -> str:
        return f"Environment(Name: {self.name},\nVersion: {self.version})"

    def __repr__(self) -> str:
        import json

        return json.dumps(self._to_definition(), indent=4, sort_keys=True, default=str)

    def _build(self, workspace: Workspace, *, anew: bool) -> ImageBuildDetails:
        from amlet.sdk.environment_build import ImageBuildDetails
        from amlet.wire.environments import BuildEnvironment

        self._tell_what_is_left_out()
        held, spec = workspace._connection, self._to_spec()
        with as_v1():
            if not self.name.lower().startswith(CURATED):
                spec = held.client.environments.register(held.workspace_id, spec).spec
            asked = held.client.environments.build(held.workspace_id, BuildEnvironment(spec, anew))
        return ImageBuildDetails(held, asked.id)

    def _dependencies(self) -> CondaDependencies:
        if self.python.conda_dependencies_file:
            return CondaDependencies(self.python.conda_dependencies_file)
        held = self.python.conda_dependencies
        if held is None:
            return CondaDependencies(_underlying_structure={})
        if not isinstance(held, CondaDependencies):
            raise UserErrorException(
                f"python.conda_dependencies must be CondaDependencies, not {type(held).__name__}.",
                hint="CondaDependencies(path) reads a yaml.",
            )
        return held

    def _to_spec(self) -> EnvironmentSpec:
        """What the server resolves.

        Raises:
            FileNotFoundError: if it names a file that is not there.
            UserErrorException: with everything in it that cannot be sent.
        """
        return spec_of(self)

    @classmethod
    def _from_spec(cls, spec: EnvironmentSpec) -> Environment:
        made = cls(spec.name)
        fill(made, spec)
        return made

    def _to_definition(self) -> Dict[str, Any]:
        """The part `environment` of v1's runDefinition (v1-behaviours 3.2)."""
        from amlet.sdk.environment_folder import definition

        return definition(self)

    def _tell_what_is_left_out(self) -> None:
        """Say on stderr what of this environment has no effect here."""
        image = self.docker.base_image
        if image and image != DEFAULT_CPU_IMAGE and not self.docker._has_own_image():
            say(f'environment "{self.name}": {image} is a base image of v1\'s: no container is needed, none is used.')
        unused = [
            name
            for name, value in (
                ("python.base_conda_environment", self.python.base_conda_environment),
                ("spark.packages", self.spark.packages),
                ("databricks", self.databricks),
                ("r", self.r),
            )
            if value
        ]
        if unused:
            say(f'environment "{self.name}": no effect here: {", ".join(unused)}.')
        if self.docker._has_own_image():
            self.docker.base_image_registry._tell_of_login()


class EnvironmentReference(ConfigElement):
    """The name, and perhaps the version, of an environment of a workspace."""

    def __init__(self, name: str, version: Optional[str] = None) -> None:
        self.name = name
        self.version = version
        self._close()

    def get_environment(self, workspace: Workspace) -> Environment:
        """The environment; the latest version by default."""
        return Environment.get(workspace, self.name, self.version)


def _in_container(
    name: str, conda_specification: Optional[Union[str, Path]], pip_requirements: Optional[Union[str, Path]]
) -> Environment:
    if conda_specification and pip_requirements:
        raise UserErrorException("Give a conda specification or pip requirements, not both.")  # v1-behaviours 10.7
    if conda_specification:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements:
        return Environment.from_pip_requirements(name, pip_requirements)
    made = Environment(name)
    made.python.user_managed_dependencies = True
    return made
