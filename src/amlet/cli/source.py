"""What `amlet submit` sends: the configuration made of its options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from amlet.base.errors import InvalidInput
from amlet.sdk.environment import Environment
from amlet.sdk.script_run_config import ScriptRunConfig
from amlet.sdk.workspace import Workspace

LISTS = {"conda_dependencies.yml": "--conda", "environment.yml": "--conda", "requirements.txt": "--pip"}
"""Files that say which packages a script needs, under the names that people give them."""


class Packages(NamedTuple):
    """Where the environment comes from: at most one of the three."""

    conda: str | None = None
    pip: str | None = None
    named: str | None = None

    def check(self) -> Packages:
        """Itself.

        Raises:
            InvalidInput: if more than one is given.
        """
        given = [name for name, value in zip(("--conda", "--pip", "--env"), self, strict=True) if value is not None]
        if len(given) > 1:
            raise InvalidInput(f"{' and '.join(given)} cannot be given together.", hint="keep one of them.")
        return self


class Turns(NamedTuple):
    """When a run has its turn, and how often."""

    priority: int = 0
    retries: int = 0
    retry_codes: Sequence[int] = ()


def experiment_name(script: str) -> str:
    """The experiment of a script when none was named: `src/train iris.py` gives `train-iris`."""
    name = re.sub(r"[^\w\-]+", "-", PurePath(script).stem, flags=re.ASCII).strip("-_")
    return name[:255] or "script"


def environment(folder: Path, packages: Packages, name: str, workspace: Workspace | None) -> Environment | None:
    """The environment of a submit; None when no option names one.

    Args:
        workspace: Where `--env` is looked up; without one an empty environment of that name stands for it.

    Raises:
        InvalidInput: if a file cannot be read.
        UserErrorException: with what is wrong in it, or if no environment has that name.
    """
    if packages.conda is not None:
        return Environment.from_conda_specification(name, _readable(folder / packages.conda))
    if packages.pip is not None:
        return Environment.from_pip_requirements(name, _readable(folder / packages.pip))
    if packages.named is not None:
        return Environment(packages.named) if workspace is None else Environment.get(workspace, packages.named)
    return None


def configuration(
    folder: Path,
    script: str,
    arguments: Sequence[str],
    made: Environment | None,
    *,
    target: str,
    variables: Mapping[str, str],
    turns: Turns | None = None,
) -> ScriptRunConfig:
    """What the SDK submits."""
    config = ScriptRunConfig(
        source_directory=folder, script=script, arguments=list(arguments), compute_target=target, environment=made
    )
    config.run_config.environment_variables = dict(variables)
    if turns is not None:
        config.run_config.priority = turns.priority
        config.run_config.retries = turns.retries
        config.run_config.retry_codes = list(turns.retry_codes)
    return config


def unused_list(folder: Path) -> str | None:
    """`--conda environment.yml`: the option that would use a file of packages in the folder, if there is one."""
    return next((f"{option} {name}" for name, option in LISTS.items() if (folder / name).is_file()), None)


def _readable(path: Path) -> Path:
    try:
        path.read_text("utf-8")
    except FileNotFoundError:
        near = [name for name in LISTS if (path.parent / name).is_file()]
        raise InvalidInput(
            f"There is no file {path}.", hint=f"{path.parent} has {', '.join(near)}." if near else None
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput(f"{path} cannot be read: {reason}.") from error
    return path
