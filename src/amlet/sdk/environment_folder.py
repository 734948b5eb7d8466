"""Environments as v1's JSON, and the folder that holds one (v1-behaviours 3.2, 10.12, 10.13)."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.urls import without_login
from amlet.sdk.conda_dependencies import CondaDependencies, read_conda_yaml, write_whole
from amlet.sdk.config_element import plain
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.notice import warn

if TYPE_CHECKING:
    from amlet.sdk.environment import Environment

DEFINITION_FILE = "azureml_environment.json"
CONDA_FILE = "conda_dependencies.yml"
DOCKERFILE = "BaseDockerfile"


def definition(environment: Environment) -> Dict[str, Any]:
    """The environment as v1 tells it. Logins in addresses are left out: it is shown, and kept with runs."""
    told = _without_files(environment)
    try:
        told["python"]["condaDependencies"] = environment._dependencies().as_dict()
    except FileNotFoundError:  # it is only shown; a submit says so
        told["python"]["condaDependencies"] = {}
    told["docker"]["baseDockerfile"] = environment.docker.base_dockerfile
    shown: Dict[str, Any] = _shown(told)
    return shown


def save(environment: Environment, folder: Path, *, overwrite: bool) -> None:
    """Write an environment to a folder, see `Environment.save_to_directory`."""
    if folder.exists() and not overwrite:
        raise FileExistsError(f"{folder} is there already: pass overwrite=True to write over it.")
    text = json.dumps(_without_files(environment), indent=4)
    dependencies, dockerfile = environment._dependencies(), environment.docker.base_dockerfile
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / CONDA_FILE, dependencies.serialize_to_string())
        if dockerfile is not None:
            write_whole(folder / DOCKERFILE, dockerfile)
        elif (folder / DOCKERFILE).exists():
            (folder / DOCKERFILE).unlink()  # of what was here before: it would be read with this one
        write_whole(folder / DEFINITION_FILE, text)
    except OSError as error:
        raise UserErrorException(f"Cannot write the environment to {folder}: {error.strerror}.") from error


def load(folder: Path) -> Environment:
    """Read an environment from a folder, see `Environment.load_from_directory`."""
    from amlet.sdk.environment import Environment
    from amlet.sdk.runconfig_environment import ENVIRONMENT
    from amlet.sdk.runconfig_yaml import Reader

    place = folder / DEFINITION_FILE
    if not place.is_file():
        raise FileNotFoundError(f"There is no environment definition {place}.")
    try:
        content = json.loads(place.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserErrorException(f"{place} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserErrorException(f"{place} is no environment: its top level must be a mapping.")
    environment = Environment("")
    reader = Reader(str(place))
    reader.fill(environment, content, ENVIRONMENT)
    if not environment.name:
        reader.faults.append(("name", "is missing"))
    if reader.faults:
        told = InvalidInput.of([FieldError(*fault) for fault in reader.faults], subject=str(place))
        raise UserErrorException(told.message, fields=told.fields)
    if reader.unknown:
        warn(f"{place}: no effect here: {', '.join(reader.unknown)}.")
    if (folder / CONDA_FILE).is_file():
        structure = read_conda_yaml(folder / CONDA_FILE)
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=structure)
    if (folder / DOCKERFILE).is_file():
        environment.docker.base_dockerfile = folder / DOCKERFILE
    return environment


def _without_files(environment: Environment) -> Dict[str, Any]:
    """All but the packages and the Dockerfile, which have files of their own."""
    from amlet.sdk.runconfig_environment import ENVIRONMENT

    told = plain(environment, ENVIRONMENT)
    del told["python"]["condaDependenciesFile"], told["docker"]["baseDockerfile"]
    if not told["python"]["strict"]:
        del told["python"]["strict"]  # amlet's own: v1 does not know the word
    return told


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(item) for item in value]
    if isinstance(value, Enum):
        value = value.value
    return without_login(value) if isinstance(value, str) else value
