"""From a lock with packages of conda's to a folder with them, where it will stay."""

from __future__ import annotations

import os
from pathlib import Path

from amlet.base.errors import EnvironmentFailed
from amlet.domain.environment import Lock
from amlet.environments.conda import activation
from amlet.environments.conda.backends import find_backend
from amlet.environments.conda.base import CondaBackend, CondaFailed, Log
from amlet.environments.conda.resolve import failed
from amlet.environments.failures import FULL_LOG, WAYS_TO_CONDA
from amlet.environments.uv_program import is_offline

PREFIX_FILE = ".amlet-prefix"
"""Where the build was made: packages have that path in their files."""


def make(lock: Lock, prefix: Path, log: Log, *, cache: Path) -> None:
    """Install the packages of conda's. The prefix cannot be moved afterwards.

    Raises:
        EnvironmentFailed: no program of conda's is here, or a file cannot be had any more.
    """
    _install(find_backend(cache), lock, prefix, log)
    if not os.access(prefix / "bin" / "python", os.X_OK):
        raise EnvironmentFailed(
            f"The {len(lock.conda)} packages of conda's are installed, and none has a bin/python.",
            hint=f"name a channel that has python. {FULL_LOG}",
        )
    activation.capture(prefix, log)
    (prefix / PREFIX_FILE).write_text(str(prefix), encoding="utf-8")


def _install(backend: CondaBackend | None, lock: Lock, prefix: Path, log: Log) -> None:
    if backend is None:
        raise EnvironmentFailed(
            f"The environment has {len(lock.conda)} packages of conda's, and this machine has no conda program.",
            hint=f"{WAYS_TO_CONDA}. {FULL_LOG}",
        )
    if is_offline():
        raise EnvironmentFailed(
            f"The environment has {len(lock.conda)} packages of conda's, and the network is switched off.",
            hint="build it once with the network on.",
        )
    log(f"{backend.name} installs {len(lock.conda)} packages of conda's.")
    try:
        backend.install(lock.conda, prefix, log)
    except CondaFailed as error:
        raise failed(backend.name, "could not build the environment", error) from error


def is_in_place(prefix: Path) -> bool:
    """Whether the packages lie where they were told that they lie."""
    try:
        return (prefix / PREFIX_FILE).read_text("utf-8") == str(prefix)
    except OSError:
        return False
