"""Conda dependencies: the packages of an environment, as conda's yaml names them (v1-behaviours 10.17-10.20)."""

from __future__ import annotations

import contextlib
import copy
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

from amlet.base.urls import without_login
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused import RefusedMember

CPU, GPU = "cpu", "gpu"
CONDA_FILE_NAME = "auto_conda_dependencies.yml"
TENSORFLOW_DEFAULT_VERSION = "2.2.0"
CHANNELS, PACKAGES, PIP, PYTHON_PREFIX = "channels", "dependencies", "pip", "python"
DEFAULT_SDK_ORIGIN = "https://pypi.python.org/simple"
PYTHON_DEFAULT_VERSION = "3.10.18"
"""The Python of a conda specification that names none (v1-behaviours 10.4)."""

KEYS = ("name", "channels", "dependencies", "prefix", "variables")
"""What the top level of the yaml may hold (v1-behaviours 10.4)."""

PYTHON_VERSION = re.compile(r"(\d+)\.(\d+)(\.(\d+))?([ab](\d+))?$")
"""v1-behaviours 10.20."""

_OTHER_LINE_ENDS = "\x85\u2028\u2029"
"""PyYAML writes them as they are, and reads them as blanks."""


class CondaDependencies:
    """Packages for conda and for pip, and the Python they are for.

    The default holds pip's `azureml-defaults` and names no Python: the server then takes its own.
    """

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 0
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 0
    add_cntk_package = RefusedMember("name a framework that still has packages, with add_pip_package.")

    def __init__(
        self,
        conda_dependencies_file_path: Optional[Union[str, Path]] = None,
        _underlying_structure: Optional[Dict[str, Any]] = None,
    ) -> None:
        if conda_dependencies_file_path is not None:
            self._structure = read_conda_yaml(conda_dependencies_file_path)
        elif _underlying_structure is not None:
            self._structure = copy.deepcopy(_underlying_structure)
        else:
            self._structure = {
                "name": "project_environment",
                "dependencies": [{"pip": ["azureml-defaults"]}],
                "channels": ["anaconda", "conda-forge"],
            }

    @staticmethod
    def create(
        pip_indexurl: Optional[str] = None,
        pip_packages: Optional[List[str]] = None,
        conda_packages: Optional[List[str]] = None,
        python_version: Optional[str] = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Make one from lists. `pip_packages` given take the place of azureml-defaults, as in v1."""
        made = CondaDependencies()
        if python_version:
            made.set_python_version(python_version)
        if pip_packages is not None:
            made.set_pip_requirements([])
            for package in pip_packages:
                made.add_pip_package(package)
        for package in conda_packages or ():
            made.add_conda_package(package)
        if pip_indexurl:
            made.set_pip_index_url(pip_indexurl)
        return made

    @staticmethod
    def merge_requirements(requirements: List[str]) -> List[str]:
        """One line for each package: what several lines ask of it, joined with commas, first seen first."""
        merged: Dict[str, List[str]] = {}
        for line in requirements:
            name = re.split(r"[=<>~!]", line.strip(), maxsplit=1)[0].strip()
            merged.setdefault(name, [])
            asked = line.strip()[len(name) :].strip()
            if asked and asked not in merged[name]:
                merged[name].append(asked)
        return [name + ",".join(asked) for name, asked in merged.items()]

    @staticmethod
    def sdk_origin_url() -> str:
        """Where v1's own packages came from."""
        return DEFAULT_SDK_ORIGIN

    def get_default_number_of_packages(self) -> int:
        """How many packages v1 added unasked: none."""
        return self.DEFAULT_NUMBER_OF_CONDA_PACKAGES + self.DEFAULT_NUMBER_OF_PIP_PACKAGES

    def add_tensorflow_pip_package(self, core_type: str = CPU, version: Optional[str] = None) -> None:
        """Add TensorFlow for pip, for `cpu` or `gpu`; v1's default version is 2.2.0."""
        self.add_pip_package(_tensorflow(core_type) + "==" + (version or TENSORFLOW_DEFAULT_VERSION))

    def add_tensorflow_conda_package(self, core_type: str = CPU, version: Optional[str] = None) -> None:
        """Add TensorFlow for conda, for `cpu` or `gpu`; v1's default version is 2.2.0."""
        self.add_conda_package(_tensorflow(core_type) + "=" + (version or TENSORFLOW_DEFAULT_VERSION))

    @property
    def conda_packages(self) -> Iterator[str]:
        """Conda's packages, Python and pip among them. An iterator, as in v1."""
        return iter([item for item in self._items() if isinstance(item, str)])

    @property
    def conda_channels(self) -> Iterator[str]:
        """The channels, first looked at first."""
        return iter(list(self._structure.get("channels") or []))

    @property
    def pip_packages(self) -> Iterator[str]:
        """Pip's packages without its options."""
        return iter([line for line in self._pip() if not line.startswith("-")])

    @property
    def pip_options(self) -> Iterator[str]:
        """Pip's options: `--extra-index-url X`."""
        return iter([line for line in self._pip() if line.startswith("-")])

    def get_python_version(self) -> Optional[str]:
        """The Python that is named, or None."""
        return python_of([item for item in self._items() if isinstance(item, str)])

    def set_python_version(self, version: str) -> None:
        """Name the Python: `3.8` or `3.8.13`."""
        if not PYTHON_VERSION.search(str(version)):
            raise UserErrorException(f"{version!r} is no version of Python.", hint='give one such as "3.8".')
        self._replace("python", f"python={version}")

    def add_channel(self, channel: str) -> None:
        """Look for packages there too."""
        channels = self._structure.setdefault("channels", [])
        if channel not in channels:
            channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        """Look there no longer."""
        self._structure["channels"] = [held for held in self.conda_channels if held != channel]

    def add_conda_package(self, conda_package: str) -> None:
        """Add a package; one of the same name is replaced. `python=3.8` names the Python."""
        name = package_name(conda_package)
        if name == "python" and python_of([conda_package]):
            self.set_python_version(str(python_of([conda_package])))
        else:
            self._replace(name, conda_package)

    def remove_conda_package(self, conda_package: str) -> None:
        """Take a package out, by its name."""
        name = package_name(conda_package)
        if name == "python":
            raise UserErrorException("Python cannot be removed from conda's packages.", hint="use set_python_version.")
        kept = [item for item in self._items() if not (isinstance(item, str) and package_name(item) == name)]
        self._structure["dependencies"] = kept

    def add_pip_package(self, pip_package: str) -> None:
        """Add a package; one of the same name is replaced."""
        if pip_package.startswith("-"):
            raise UserErrorException(f"{pip_package!r} is an option of pip's.", hint="use set_pip_option.")
        name, lines = package_name(pip_package), self._pip()
        places = [at for at, line in enumerate(lines) if not line.startswith("-") and package_name(line) == name]
        kept = [line for at, line in enumerate(lines) if at not in places[1:]]
        if places:
            kept[places[0]] = pip_package
        self.set_pip_requirements(kept if places else [*kept, pip_package])

    def remove_pip_package(self, pip_package: str) -> None:
        """Take a package out, by its name."""
        name = package_name(pip_package)
        self.set_pip_requirements([line for line in self._pip() if line.startswith("-") or package_name(line) != name])

    def set_pip_option(self, pip_option: str) -> None:
        """Give pip an option; one with the same first word is replaced."""
        if not pip_option.startswith("-"):
            raise UserErrorException(f"{pip_option!r} is no option of pip's.", hint="use add_pip_package.")
        word = _first_word(pip_option)
        self.set_pip_requirements([*[line for line in self._pip() if _first_word(line) != word], pip_option])

    def remove_pip_option(self, pip_option: str) -> None:
        """Take an option out, by its first word."""
        word = _first_word(pip_option)
        self.set_pip_requirements([line for line in self._pip() if _first_word(line) != word])

    def set_pip_index_url(self, index_url: str) -> None:
        """Where pip looks: `--index-url X`."""
        self.set_pip_option(index_url if index_url.startswith("-") else f"--index-url {index_url}")

    def set_pip_requirements(self, pip_requirements: List[str]) -> None:
        """Put these lines in place of pip's list."""
        kept = [item for item in self._items() if not isinstance(item, dict)]
        self._structure["dependencies"] = [*kept, {"pip": list(pip_requirements)}] if pip_requirements else kept

    def as_dict(self) -> Dict[str, Any]:
        """The content of the yaml. A copy."""
        return copy.deepcopy(self._structure)

    def serialize_to_string(self) -> str:
        """The yaml."""
        import yaml

        written = str(yaml.safe_dump(self._structure, sort_keys=False, allow_unicode=True))
        if any(mark in written for mark in _OTHER_LINE_ENDS):
            written = str(yaml.safe_dump(self._structure, sort_keys=False))
        return written

    def save(self, path: Optional[Union[str, Path]] = None) -> str:
        """Write the yaml to a file."""
        place = Path(path or "conda_dependencies.yml")
        if place.is_dir():
            raise UserErrorException(f"{place} is a folder.", hint="give the path of a file.")
        try:
            write_whole(place, self.serialize_to_string())
        except OSError as error:
            raise UserErrorException(f"Cannot write {place}: {error.strerror}.") from error
        return str(place)

    def save_to_file(self, base_directory: Union[str, Path], conda_file_path: Optional[str] = None) -> str:
        """Write the yaml below a folder: to `conda_file_path`, else `.azureml/auto_conda_dependencies.yml`."""
        place = Path(base_directory) / (conda_file_path or ".azureml/auto_conda_dependencies.yml")
        place.parent.mkdir(parents=True, exist_ok=True)
        return self.save(place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CondaDependencies) and other._structure == self._structure

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return without_login(f"CondaDependencies({self._structure!r})")

    def _items(self) -> List[Any]:
        return list(self._structure.get("dependencies") or [])

    def _pip(self) -> List[str]:
        return [line for item in self._items() if isinstance(item, dict) for line in item.get("pip") or ()]

    def _replace(self, name: str, package: str) -> None:
        items = self._items()
        places = [number for number, item in enumerate(items) if isinstance(item, str) and package_name(item) == name]
        if places:
            items[places[0]] = package
            items = [item for number, item in enumerate(items) if number not in places[1:]]
        else:
            # Before pip's list, which stays last.
            last = next((number for number, item in enumerate(items) if isinstance(item, dict)), len(items))
            items.insert(last, package)
        self._structure["dependencies"] = items


def read_conda_yaml(path: Union[str, Path]) -> Dict[str, Any]:
    """The content of conda's yaml, checked.

    Raises:
        FileNotFoundError: as in v1.
        UserErrorException: with every fault of the file.
    """
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(f"There is no conda specification {place.resolve()}.")
    try:
        text = place.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserErrorException(f"The conda specification {place} is not UTF-8 text: {error}") from error
    except IsADirectoryError as error:
        raise UserErrorException(f"{place} is a folder.", hint="give the path of the yaml file.") from error
    return parse_conda_yaml(text, str(place))


def parse_conda_yaml(text: str, source: str) -> Dict[str, Any]:
    """The content of conda's yaml, checked.

    Args:
        source: Where the text came from, for errors.

    Raises:
        UserErrorException: with every fault.
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserErrorException(f"The conda specification {source} is not YAML: {error}") from error
    faults = _faults(content)
    if faults:
        raise UserErrorException(
            f"The conda specification {source} cannot be read: " + "; ".join(faults) + ".",
            hint=_hint(content),
        )
    checked: Dict[str, Any] = content
    return checked


def write_whole(place: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(text.encode("utf-8"))  # line ends stay as they are
        partial.replace(place)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def package_name(requirement: str) -> str:
    """The name in `scikit-learn>=1.0`, `conda-forge::numpy=1.19` or `pip`, in lower case."""
    return re.split(r"[\[\s=<>~!;]", requirement.strip().split("::")[-1], maxsplit=1)[0].lower()


def python_of(packages: List[str]) -> Optional[str]:
    """What conda's packages say of Python: `3.6.2`, `>=3.8`; None when they do not name a version."""
    for package in packages:
        if package_name(package) == "python":
            text = package.strip().split("::")[-1].strip()[len("python") :].strip()
            if text[:1] == "=":
                text = text.lstrip("=").split("=")[0].strip()  # a build string may follow
            return text or None
    return None


def _first_word(line: str) -> str:
    """The option of a line: `--index-url X` and `--index-url=X` have the same one; blank lines have none."""
    return re.split(r"[\s=]", line.strip(), maxsplit=1)[0]


def _tensorflow(core_type: str) -> str:
    if core_type not in (CPU, GPU):
        raise UserErrorException(f"core_type must be {CPU!r} or {GPU!r}, not {core_type!r}.")
    return "tensorflow" if core_type == CPU else "tensorflow-gpu"


def _hint(content: Any) -> str:
    from amlet.base.names import closest

    strange = [str(key) for key in content if key not in KEYS] if isinstance(content, dict) else []
    near = closest(strange[0], list(KEYS)) if strange else ""
    return near + "dependencies are `name`, `name=version`, and one entry `pip:` with a list of pip's."


def _faults(content: Any) -> List[str]:
    if not isinstance(content, dict):
        return [f"the top level must be a mapping, not {type(content).__name__}"]
    faults = [f"unknown {key} key in environment specification" for key in content if key not in KEYS]
    dependencies = content.get("dependencies")
    if dependencies is not None and not isinstance(dependencies, list):
        return [*faults, f"dependencies must be a list, not {type(dependencies).__name__}"]
    for number, item in enumerate(dependencies or ()):
        where = f"dependencies[{number}]"
        if isinstance(item, dict):
            if set(item) != {"pip"}:
                faults.append(f"{where} must be a package or `pip:` with a list, not {item!r}")
            elif not isinstance(item["pip"], list) or not all(isinstance(line, str) for line in item["pip"]):
                faults.append(f"{where}.pip must be a list of texts, not {item['pip']!r}")
        elif not isinstance(item, str):
            faults.append(f"{where} must be a text, not {item!r}")
    channels = content.get("channels")
    if channels is not None and not (isinstance(channels, list) and all(isinstance(item, str) for item in channels)):
        faults.append(f"channels must be a list of texts, not {channels!r}")
    variables = content.get("variables")
    if variables is not None and not isinstance(variables, dict):
        faults.append(f"variables must be a mapping, not {variables!r}")
    for key, value in variables.items() if isinstance(variables, dict) else ():
        if not isinstance(value, (str, int, float)):
            faults.append(f"variables.{key} must be a text, not {value!r}")
    return faults
