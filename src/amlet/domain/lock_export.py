"""A lock in the forms that other tools read: a requirements file, a conda yaml, a uv project."""

from __future__ import annotations

import json
from typing import Callable, Dict, List

from amlet.domain.environment import Lock, Package


def requirements_text(lock: Lock) -> str:
    """A requirements file with hashes: `pip install --require-hashes -r` and `uv pip sync` take it."""
    head = _head(lock)
    if lock.conda:
        head.append("# These packages came from conda channels: " + ", ".join(_conda_pins(lock)))
    return "".join(f"{line}\n" for line in head) + lock.requirements


def conda_text(lock: Lock) -> str:
    """An environment.yml with every package pinned."""
    lines = [*_head(lock), f"name: {_quoted('amlet-' + lock.id[:8])}"]
    lines += ["channels:", "  - conda-forge", "dependencies:"]
    lines += [f"  - {pin}" for pin in (_conda_pins(lock) or [f"python={lock.python}"])]
    options = [line for line in lock.requirements.splitlines() if line.startswith("--")]
    pins = [f"{package.name}=={package.version}" for package in _from_pypi(lock)]
    if pins:
        lines += ["  - pip", "  - pip:", *(f"      - {_quoted(line)}" for line in [*options, *pins])]
    return "".join(f"{line}\n" for line in lines)


def uv_text(lock: Lock) -> str:
    """A pyproject.toml for `uv sync`, with every package pinned."""
    lines = [*_head(lock), "[project]", f'name = "amlet-{lock.id[:8]}"', 'version = "0"']
    lines.append(f'requires-python = "=={lock.python}.*"')
    lines.append("dependencies = [")
    lines += [f"    {_quoted(f'{package.name}=={package.version}')}," for package in _from_pypi(lock)]
    lines.append("]")
    for number, url in enumerate(lock.indexes):
        lines += ["", "[[tool.uv.index]]", f"url = {_quoted(url)}", *(["default = true"] if number == 0 else [])]
    return "".join(f"{line}\n" for line in lines)


FORMATS: Dict[str, Callable[[Lock], str]] = {
    "requirements": requirements_text,
    "conda": conda_text,
    "uv": uv_text,
}


def _head(lock: Lock) -> List[str]:
    as_of = f", packages as of {lock.as_of}" if lock.as_of else ""
    lines = [f"# Lock {lock.id}: Python {lock.python} on {lock.platform}{as_of}."]
    if lock.interpreter is not None:
        lines.append(f"# Managed by its user: {lock.interpreter} is used as it is, whatever it holds.")
    if lock.image is not None:
        lines.append(f"# Runs in the container image {lock.image}.")
    return lines


def _conda_pins(lock: Lock) -> List[str]:
    return [f"{held.name}={held.version}" for held in lock.conda]


def _from_pypi(lock: Lock) -> List[Package]:
    conda = {held.name for held in lock.conda}
    return [package for package in lock.packages if package.name not in conda]


def _quoted(text: str) -> str:
    # A JSON text is a YAML and a TOML one too.
    return json.dumps(text)
