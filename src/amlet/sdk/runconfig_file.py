"""Files of run configurations: where they lie, and writing, reading and deleting them (v1-behaviours 9.10, 9.11)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Union

from amlet.base.errors import FieldError, InvalidInput
from amlet.sdk import runconfig_yaml
from amlet.sdk.conda_dependencies import CondaDependencies, read_conda_yaml
from amlet.sdk.config_element import faults, plain
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.notice import warn
from amlet.sdk.runconfig_environment import ENVIRONMENT

if TYPE_CHECKING:
    from amlet.sdk.runconfig import RunConfiguration

FOLDERS = (".azureml", "aml_config")
CONDA_FILE = "conda_dependencies.yml"
ENVIRONMENT_FILE = "environment.yml"
EXTENSION = ".runconfig"
_MAX_FILE_BYTES = 10_000_000
"""More than this is no configuration: it is not read."""


def save(
    config: RunConfiguration,
    path: Optional[Union[str, Path]],
    name: Optional[str],
    *,
    separate_environment_yaml: bool,
) -> Path:
    """Write a configuration, see `RunConfiguration.save`."""
    wrong = faults(config, config._FIELDS)
    if wrong:
        raise _refusal(wrong, "the run configuration")
    place = _place_to_save(config, path, name)
    content = plain(config, config._FIELDS)
    comments = runconfig_yaml.Comments(config._FIELDS)
    runconfig_yaml.dump(content, comments)  # what cannot be written is told before any file is touched
    _put_conda_beside(config.environment, content["environment"], place)
    if separate_environment_yaml:
        text = runconfig_yaml.dump(content["environment"], runconfig_yaml.Comments(ENVIRONMENT))
        content["environment"] = _put_beside(place, ENVIRONMENT_FILE, text)
    _write(place, runconfig_yaml.dump(content, comments))
    return place


def load(path: Union[str, Path], name: Optional[str] = None) -> RunConfiguration:
    """Read a configuration, see `RunConfiguration.load`."""
    from amlet.sdk.runconfig import RunConfiguration

    place = find(path, name)
    config = RunConfiguration(_path=path, _name=name)
    reader = runconfig_yaml.Reader(str(place))
    content = _read(place)
    environment = content.get("environment")
    if isinstance(environment, str):
        content["environment"] = _read(_beside(place, environment))
    reader.fill(config, content, config._FIELDS)
    if isinstance(content.get("environment"), dict):
        _take_conda(config.environment, content["environment"], place, reader)
    if reader.faults:
        raise _refusal(reader.faults, str(place))
    if reader.unknown:
        warn(f"{place}: no effect here: {', '.join(reader.unknown)}.")
    return config


def delete(path: Union[str, Path], name: Optional[str]) -> None:
    """Delete a configuration, see `RunConfiguration.delete`."""
    find(path, name).unlink()


def find(path: Union[str, Path], name: Optional[str]) -> Path:
    """The file of a configuration.

    Raises:
        UserErrorException: if there is none, naming the places looked at.
    """
    base = Path(path)
    if base.is_file():
        return base
    if not name:
        raise UserErrorException(
            f"{base} is no file, and the name of a run configuration is missing.", hint=_known(base) or "pass name=..."
        )
    _check_name(name)
    looked = [base / folder / file for folder in FOLDERS for file in (name, name + EXTENSION)]
    looked += [base / (name + EXTENSION)]
    for place in looked:
        if place.is_file():
            return place
    places = "".join(f"\n    {place}" for place in looked)
    raise UserErrorException(f"There is no run configuration {name!r}. Looked at:{places}", hint=_known(base) or None)


def _known(base: Path) -> str:
    names = [
        file.name
        for folder in (*FOLDERS, "")
        if (base / folder).is_dir()
        for file in (base / folder).glob("*.runconfig")
    ]
    return f"there are: {', '.join(sorted(names)[:20])}." if names else ""


def _place_to_save(config: RunConfiguration, path: Optional[Union[str, Path]], name: Optional[str]) -> Path:
    base = Path(path if path is not None else config._path or ".")
    name = name or config._name
    if base.is_dir():
        if not name:
            raise UserErrorException(f"{base} is a folder, and the configuration has no name.", hint="pass name=...")
        _check_name(name)
        for folder in FOLDERS:
            if (base / folder).is_dir():
                return base / folder / name
        raise UserErrorException(
            f"There is no folder {base / FOLDERS[0]} to write the run configuration to.",
            hint=f"make it, with ws.write_config() or `mkdir {FOLDERS[0]}`, or pass the path of a file.",
        )
    if base.is_file() or (name is None and base.parent.is_dir()):
        return base
    raise UserErrorException(f"There is no folder {base if name else base.parent} to write to.", hint="make it first.")


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or Path(name).name != name or "\x00" in name:
        raise UserErrorException(f"{name!r} cannot be the name of a run configuration: it must name a file, no path.")


def _put_conda_beside(environment: Environment, content: Dict[str, Any], place: Path) -> None:
    """Write the packages to a conda file, and its name into the content."""
    python = content["python"]
    if environment.python.conda_dependencies is None and not environment.python.conda_dependencies_file:
        python["condaDependenciesFile"], python["condaDependencies"] = None, {}
        return
    text = environment._dependencies().serialize_to_string()
    python["condaDependenciesFile"] = _put_beside(place, CONDA_FILE, text)


def _put_beside(place: Path, default: str, text: str) -> str:
    """Write a file beside a configuration.

    One that another configuration, or nobody, refers to is not overwritten: the file then bears our name too.

    Returns:
        What to call it in the configuration: relative to the project's folder, as in v1.
    """
    folder = place.parent
    target = folder / default
    if target.exists() and not _is_ours(target, place, text):
        target = folder / f"{place.name[: -len(EXTENSION)] if place.name.endswith(EXTENSION) else place.name}_{default}"
    _write(target, text)
    return f"{folder.name}/{target.name}" if folder.name in FOLDERS else target.name


def _is_ours(target: Path, place: Path, text: str) -> bool:
    if _text_of(target) == text:
        return True
    mention = re.compile(r"(?<![\w.-])" + re.escape(target.name))
    others = [file for file in place.parent.glob("*") if file.is_file() and file not in (place, target)]
    return bool(mention.search(_text_of(place))) and not any(mention.search(_text_of(file)) for file in others)


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace") if file.stat().st_size <= _MAX_FILE_BYTES else ""
    except OSError:
        return ""


def _take_conda(environment: Environment, content: Dict[str, Any], place: Path, reader: runconfig_yaml.Reader) -> None:
    """Read the packages that the configuration names, so that it no longer depends on the file."""
    python = next((value for key, value in content.items() if key.lower() == "python"), None)
    if not isinstance(python, dict):
        return
    inline = python.get("condaDependencies", python.get("conda_dependencies"))
    if isinstance(inline, dict):
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=inline)
    named = environment.python.conda_dependencies_file
    environment.python.conda_dependencies_file = None
    if not isinstance(named, str) or not named:
        return
    if environment.python.user_managed_dependencies and not _beside(place, named).is_file():
        return
    try:
        structure = read_conda_yaml(_beside(place, named))
    except FileNotFoundError as error:
        reader.faults.append(("environment.python.condaDependenciesFile", f"there is no file {named}: {error}"))
    else:
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=structure)


def _beside(place: Path, named: str) -> Path:
    """A file that a configuration names: from the project's folder, else from its own, else from here."""
    folder = place.parent
    bases: List[Path] = [folder.parent, folder] if folder.name in FOLDERS else [folder]
    for base in (*bases, Path()):
        if (base / named).is_file():
            return base / named
    return bases[0] / named


def _read(place: Path) -> Dict[str, Any]:
    import yaml

    try:
        if place.stat().st_size > _MAX_FILE_BYTES:
            raise UserErrorException(f"{place} is no run configuration: it has more than {_MAX_FILE_BYTES:,} bytes.")
        content = yaml.safe_load(place.read_text("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UserErrorException(f"{place} is not YAML: {error}") from error
    except OSError as error:
        raise UserErrorException(f"{place} cannot be read: {error.strerror}.") from error
    if not isinstance(content, dict):
        raise UserErrorException(f"{place} is no run configuration: its top level must be a mapping.")
    return content


def _write(place: Path, text: str) -> None:
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, "utf-8")
        partial.replace(place)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserErrorException(f"Cannot write {place}: {error.strerror}.") from error


def _refusal(wrong: Union[List[Tuple[str, str]], Tuple[Tuple[str, str], ...]], subject: str) -> UserErrorException:
    told = InvalidInput.of([FieldError(path, message) for path, message in wrong], subject=subject)
    return UserErrorException(told.message, fields=told.fields)
