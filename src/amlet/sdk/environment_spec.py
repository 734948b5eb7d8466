"""Environments to and from what the server resolves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.urls import without_login
from amlet.domain.environment import EnvironmentSpec
from amlet.sdk.conda_dependencies import CondaDependencies, package_name, python_of
from amlet.sdk.docker_section import DEFAULT_SHM_SIZE
from amlet.sdk.exceptions import UserErrorException

if TYPE_CHECKING:
    from amlet.sdk.environment import Environment
    from amlet.sdk.runconfig_sections import DockerConfiguration

EXAMPLE_VARIABLES = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
"""In every new environment of v1's, and so in real run definitions (v1-behaviours 10.1). It never reaches a job."""

_LOGIN = (
    "has a login in its address, which every record of a run would keep. Leave it out there: ~/.netrc on the server's "
    "machine may hold it, or the server is started with UV_DEFAULT_INDEX or UV_INDEX set to the whole address"
)


def spec_of(environment: Environment) -> EnvironmentSpec:
    """What the server resolves.

    Raises:
        FileNotFoundError: if the environment names a file that is not there.
        UserErrorException: with everything in it that cannot be sent.
    """
    faults: List[FieldError] = []
    python = environment.python
    variables = _variables(environment, faults)
    container = environment.docker._container()
    version = None if environment.version is None else str(environment.version)
    if python.user_managed_dependencies:
        _refuse(environment, faults)
        return EnvironmentSpec(
            environment.name,
            version,
            variables=variables,
            user_managed=True,
            interpreter=str(python.interpreter_path),
            strict=bool(python.strict),
            container=container,
        )
    structure = environment._dependencies()
    packages, channels, pip = list(structure.conda_packages), list(structure.conda_channels), structure._pip()
    for place, lines in (("conda", packages), ("pip", pip), ("channels", channels)):
        for number, line in enumerate(lines):
            if without_login(line) != line:
                faults.append(FieldError(f"{place}[{number}]", f"{without_login(line)!r} {_LOGIN}"))
    _refuse(environment, faults)
    of_yaml = {str(key): str(value) for key, value in (structure.as_dict().get("variables") or {}).items()}
    return EnvironmentSpec(
        environment.name,
        version,
        python=python_of(packages),
        conda=[item for item in packages if package_name(item) not in ("python", "pip")],
        pip=pip,
        channels=channels,
        variables={**of_yaml, **variables},
        strict=bool(python.strict),
        container=container,
    )


def fill(environment: Environment, spec: EnvironmentSpec) -> None:
    """Set what a spec says; `spec_of` gives it again."""
    environment.version = spec.version
    environment._environment_variables = {**EXAMPLE_VARIABLES, **spec.variables}
    section = environment.python
    section.user_managed_dependencies = spec.user_managed
    section.interpreter_path = spec.interpreter
    section.strict = spec.strict
    dependencies: List[Any] = []
    if spec.python:
        dependencies.append(f"python{spec.python}" if spec.python[0] in "<>!~" else f"python={spec.python}")
    dependencies += spec.conda
    if spec.pip:
        dependencies.append({"pip": list(spec.pip)})
    structure = {"name": "project_environment", "channels": list(spec.channels), "dependencies": dependencies}
    section.conda_dependencies = CondaDependencies(_underlying_structure=structure)
    if spec.container is not None:
        environment.docker._set_container(spec.container)


def with_docker(spec: EnvironmentSpec, docker: DockerConfiguration) -> EnvironmentSpec:
    """The spec with what a run configuration says of the container, where that differs from its default.

    It then is no longer the version that was registered.
    """
    held = spec.container
    if held is None:
        return spec
    chosen = held._replace(
        shm_size=held.shm_size if docker.shm_size in (None, DEFAULT_SHM_SIZE) else docker.shm_size,
        arguments=[str(item) for item in docker.arguments] if docker.arguments else held.arguments,
    )
    return spec if chosen == held else spec._replace(container=chosen, version=None)


def _variables(environment: Environment, faults: List[FieldError]) -> Dict[str, str]:
    told: Dict[str, str] = {}
    held: Optional[Dict[Any, Any]] = environment.environment_variables
    for key, value in (held or {}).items():
        if not isinstance(key, str) or not isinstance(value, (str, int, float)):
            faults.append(FieldError(f"environment_variables[{key!r}]", f"must be a text, not {value!r}"))
        elif EXAMPLE_VARIABLES.get(key) != value:
            told[key] = str(value)
    return told


def _refuse(environment: Environment, faults: List[FieldError]) -> None:
    if faults:
        told = InvalidInput.of(faults, subject=f'environment "{environment.name}"')
        raise UserErrorException(told.message, fields=told.fields)
