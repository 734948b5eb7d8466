"""Environments: the packages, the variables and the Python of a job, as v1 writes them down."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

from amlet.domain.environment import EnvironmentSpec
from amlet.sdk.conda_dependencies import CondaDependencies, package_name, python_of
from amlet.sdk.config_element import ConfigElement
from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.notice import say, warn

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

DEFAULT_NAME = "default-environment"
_EXAMPLE_VARIABLES = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
"""In every new environment of v1's, and so in real run definitions (v1-behaviours 10.1)."""


class PythonSection(ConfigElement):
    """Which Python, and what is in it."""

    def __init__(self, **kwargs: Any) -> None:
        self.interpreter_path = "python"
        """Used when the user manages the dependencies: a path, or a name on PATH."""
        self.user_managed_dependencies = False
        self.conda_dependencies: Optional[CondaDependencies] = CondaDependencies()
        self.conda_dependencies_file: Optional[str] = None
        """A yaml that is read at submit, in place of `conda_dependencies`."""
        self.base_conda_environment: Optional[str] = None
        self._close()
        for name, value in kwargs.items():
            setattr(self, name, value)


class DockerSection(ConfigElement):
    """v1's container settings: kept and given back. Jobs run as processes, in an environment of their own."""

    def __init__(self, **kwargs: Any) -> None:
        self.enabled = False
        self.base_image: Optional[str] = None
        self.base_dockerfile: Optional[str] = None
        self.shared_volumes = True
        self.shm_size: Optional[str] = "2g"
        self.arguments: List[str] = []
        self._close()
        for name, value in kwargs.items():
            setattr(self, name, value)


class Environment(ConfigElement):
    """A named set of packages and variables that jobs run in.

    Args:
        name: What it is called in the workspace.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"The name of an environment must be a str, not {type(name).__name__}.")
        self.name = name
        self.version: Optional[str] = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.environment_variables: Dict[str, str] = dict(_EXAMPLE_VARIABLES)
        self.inferencing_stack_version: Optional[str] = None
        self._close()
        for key, value in kwargs.items():
            setattr(self, key, value)

    @staticmethod
    def get(workspace: Workspace, name: str, version: Optional[str] = None, label: Optional[str] = None) -> Environment:
        """A registered environment, else the curated one of that name; the latest version by default."""
        if version is not None and label is not None:
            raise UserErrorException("Give a version or a label of an environment, not both.")
        if label not in (None, "latest"):
            raise UserErrorException(f'There is no label "{label}".', hint='"latest" is the one there is.')
        from amlet.wire.environments import EnvironmentQuery

        held = workspace._connection
        with as_v1():
            record = held.client.environments.get(held.workspace_id, name, EnvironmentQuery(version))
        return Environment._from_spec(record.spec)

    @staticmethod
    def list(workspace: Workspace) -> Dict[str, Environment]:
        """The latest version of every environment by name, curated ones included."""
        held = workspace._connection
        with as_v1():
            records = held.client.environments.list(held.workspace_id).environments
        return {record.spec.name: Environment._from_spec(record.spec) for record in records}

    @staticmethod
    def from_conda_specification(name: str, file_path: Union[str, Path]) -> Environment:
        """An environment with the packages of conda's yaml.

        Raises:
            FileNotFoundError: if there is no such file.
            UserErrorException: with every fault of the file.
        """
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_pip_requirements(name: str, file_path: Union[str, Path], pip_version: Optional[str] = None) -> Environment:
        """An environment with the packages of a requirements file, in place of the default ones."""
        lines = Path(file_path).read_text("utf-8").splitlines()
        dependencies = CondaDependencies()
        dependencies.set_pip_requirements(lines)
        dependencies.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
        made = Environment(name)
        made.python.conda_dependencies = dependencies
        return made

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
        held = workspace._connection
        with as_v1():
            record = held.client.environments.register(held.workspace_id, self._to_spec())
        twin = copy.deepcopy(self)
        twin.version = record.spec.version
        return twin

    def __str__(self) -> str:
        return f"Environment(Name: {self.name},\nVersion: {self.version})"

    def __repr__(self) -> str:
        import json

        return json.dumps(self._to_definition(), indent=4, sort_keys=True, default=str)

    def _dependencies(self) -> CondaDependencies:
        if self.python.conda_dependencies_file:
            return CondaDependencies(self.python.conda_dependencies_file)
        return self.python.conda_dependencies or CondaDependencies(_underlying_structure={})

    def _to_spec(self, *, strict: bool = False) -> EnvironmentSpec:
        """What the server resolves.

        Raises:
            UserErrorException: for variables that are not texts, or a yaml that cannot be read.
        """
        wrong = [
            key
            for key, value in self.environment_variables.items()
            if not isinstance(key, str) or not isinstance(value, (str, int, float))
        ]
        if wrong:
            raise UserErrorException(f"environment_variables of {self.name!r} must be texts: {wrong!r} are not.")
        variables = {
            key: str(value) for key, value in self.environment_variables.items() if _EXAMPLE_VARIABLES.get(key) != value
        }
        if self.python.user_managed_dependencies:
            return EnvironmentSpec(
                self.name,
                self.version,
                variables=variables,
                user_managed=True,
                interpreter=str(self.python.interpreter_path),
                strict=strict,
            )
        structure = self._dependencies()
        packages = list(structure.conda_packages)
        variables = {
            **{key: str(value) for key, value in (structure.as_dict().get("variables") or {}).items()},
            **variables,
        }
        return EnvironmentSpec(
            self.name,
            self.version,
            python=python_of(packages),
            conda=[item for item in packages if package_name(item) not in ("python", "pip")],
            pip=structure._pip(),
            channels=list(structure.conda_channels),
            variables=variables,
            strict=strict,
        )

    @classmethod
    def _from_spec(cls, spec: EnvironmentSpec) -> Environment:
        made = cls(spec.name)
        made.version = spec.version
        made.environment_variables = {**made.environment_variables, **spec.variables}
        made.python.user_managed_dependencies = spec.user_managed
        made.python.interpreter_path = spec.interpreter
        dependencies: List[Any] = [f"python={spec.python}"] if spec.python else []
        if spec.python and not spec.python[0].isdigit():
            dependencies = [f"python{spec.python}"]
        dependencies += spec.conda
        if spec.pip:
            dependencies.append({"pip": list(spec.pip)})
        made.python.conda_dependencies = CondaDependencies(
            _underlying_structure={
                "name": "project_environment",
                "channels": list(spec.channels),
                "dependencies": dependencies,
            }
        )
        return made

    def _to_definition(self) -> Dict[str, Any]:
        """The part `environment` of v1's runDefinition (v1-behaviours 3.2)."""
        return {
            "name": self.name,
            "version": self.version,
            "python": {
                "interpreterPath": self.python.interpreter_path,
                "userManagedDependencies": self.python.user_managed_dependencies,
                "condaDependencies": self._dependencies().as_dict(),
                "baseCondaEnvironment": self.python.base_conda_environment,
            },
            "environmentVariables": dict(self.environment_variables),
            "docker": {
                "baseImage": self.docker.base_image,
                "baseDockerfile": self.docker.base_dockerfile,
                "platform": {"os": "Linux", "architecture": "amd64"},
                "baseImageRegistry": {"address": None, "username": None, "password": None},
                "enabled": self.docker.enabled,
                "arguments": list(self.docker.arguments),
            },
            "spark": {"repositories": [], "packages": [], "precachePackages": True},
            "inferencingStackVersion": self.inferencing_stack_version,
        }

    def _tell_what_is_left_out(self) -> None:
        """Say on stderr what of this environment has no effect here."""
        if self.docker.base_image or self.docker.base_dockerfile:
            image = self.docker.base_image or "a Dockerfile"
            warn(f'environment "{self.name}" names {image}: no container is used, only its packages are built.')
        if self.python.base_conda_environment:
            say(f'environment "{self.name}": base_conda_environment has no effect.')
