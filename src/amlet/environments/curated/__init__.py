"""The catalogue of curated environments: a plain file a name in this folder (v1-behaviours 0.2, 10.16)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from amlet.domain.environment import EnvironmentSpec

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Every name of the catalogue, as it is written, sorted."""
    return sorted((path.stem for path in _FOLDER.glob("*.yml")), key=str.lower)


def find(name: str) -> EnvironmentSpec | None:
    """The spec of a name, in upper or lower case, or None. It bears the name as the catalogue has it."""
    return _catalogue_entry(name.lower())


def is_curated(spec: EnvironmentSpec) -> bool:
    """Whether a spec is the catalogue's own; one that was edited is the user's (v1-behaviours 10.14)."""
    held = find(spec.name)
    return (
        held is not None
        and spec.python == held.python
        and sorted(spec.conda) == sorted(held.conda)
        and sorted(spec.pip) == sorted(held.pip)
    )


@functools.lru_cache(maxsize=256)
def _catalogue_entry(lowered: str) -> EnvironmentSpec | None:
    path = next((path for path in _FOLDER.glob("*.yml") if path.stem.lower() == lowered), None)
    if path is None:
        return None
    import yaml

    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    if "same_as" in content:
        same = _catalogue_entry(content["same_as"].lower())
        return same._replace(name=path.stem) if same is not None else None
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
