"""The names of the catalogue: each a file of this folder, a spec or `same_as` another name."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from amlet.base.errors import NotFound
from amlet.domain.environment import EnvironmentSpec

FOLDER = Path(__file__).parent

_NOT_CARRIED = (
    (r"(azureml|acpt)-(tensorflow|pytorch|pytorch-lightning|chainer|deepspeed|vowpalwabbit|hyperdrive).*", None),
    (r"azureml-xgboost.*", "amlet-xgboost-3.2"),
    (r"azureml-(automl|responsibleai|triton|onnxruntime|pyspark|dask|designer|ai-studio).*", None),
)
"""Frameworks of v1's catalogue that ours leaves out, and what ours has that is near."""


def names() -> list[str]:
    """Every name of the catalogue, as it is written, sorted."""
    return sorted((path.stem for path in FOLDER.glob("*.yml")), key=str.lower)


def find(name: str) -> EnvironmentSpec | None:
    """The spec of a name, in upper or lower case, or None. It bears the name as the catalogue has it."""
    path = _files().get(name.lower())
    return None if path is None else _read(path)._replace(name=path.stem)


def get(name: str) -> EnvironmentSpec | None:
    """As `find`.

    Raises:
        NotFound: for a name of v1's catalogue whose framework ours does not carry; says what to use instead.
    """
    spec = find(name)
    if spec is not None:
        return spec
    for pattern, nearest in _NOT_CARRIED:
        if re.fullmatch(pattern, name, re.IGNORECASE):
            raise NotFound(
                f'The curated environment "{name}" is not carried: ours are for scikit-learn, LightGBM and XGBoost.',
                hint=f'Environment.get(ws, "{nearest}") is near.'
                if nearest
                else "name its packages yourself with Environment.from_pip_requirements or from_conda_specification; "
                "Environment.list(ws) shows the curated ones.",
            )
    return None


def is_curated(spec: EnvironmentSpec) -> bool:
    """Whether a spec is the catalogue's own; one that was edited is the user's (v1-behaviours 10.14)."""
    held = find(spec.name)
    return (
        held is not None
        and spec.python == held.python
        and sorted(spec.conda) == sorted(held.conda)
        and sorted(spec.pip) == sorted(held.pip)
    )


def day_of(spec: EnvironmentSpec) -> str | None:
    """The day that a curated name stands for, or None: its Python alone decides."""
    path = _files().get(spec.name.lower()) if is_curated(spec) else None
    return None if path is None else _target(path).get("as_of")


def lock_folder(name: str) -> Path | None:
    """Where the locks of a name lie; aliases share those of what they stand for. None for no name of ours."""
    path = _files().get(name.lower())
    if path is None:
        return None
    return FOLDER / "locks" / (_content(path).get("same_as") or path.stem)


@functools.lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    return {path.stem.lower(): path for path in FOLDER.glob("*.yml")}


@functools.lru_cache(maxsize=256)
def _content(path: Path) -> dict[str, Any]:
    import yaml

    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def _target(path: Path) -> dict[str, Any]:
    content = _content(path)
    return _content(FOLDER / f"{content['same_as']}.yml") if "same_as" in content else content


@functools.lru_cache(maxsize=256)
def _read(path: Path) -> EnvironmentSpec:
    content = _target(path)
    conda: list[str] = []
    pip: list[str] = []
    python = None
    for line in content["dependencies"]:
        if isinstance(line, dict):
            pip += line["pip"]
        elif line.startswith("python="):
            python = line.split("=", 1)[1]
        else:
            conda.append(line)
    return EnvironmentSpec(path.stem, python=python, conda=conda, pip=pip, channels=content["channels"])
