"""pandas and pyarrow of the environment that this process runs in: loaded when they are first needed."""

from __future__ import annotations

import importlib
from typing import Any

from amlet.sdk.exceptions import UserErrorException


def need(module: str, what: str) -> Any:
    """A module of the environment's own.

    Args:
        what: What needs it, as the subject of the error: `A data frame`.

    Raises:
        UserErrorException: the environment does not have it, with the line that adds it.
    """
    found = find(module)
    if found is None:
        package = module.partition(".")[0]
        raise UserErrorException(
            f"{what} needs {package}, and this environment does not have it.",
            hint=f"add the line `- {package}` under pip: in the conda file, or "
            f'env.python.conda_dependencies.add_pip_package("{package}"); here: pip install {package}',
        )
    return found


def find(module: str) -> Any:
    """A module of the environment's own, or None."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def has_arrow() -> bool:
    """Whether files can be read as columns by pyarrow."""
    return find("pyarrow") is not None
