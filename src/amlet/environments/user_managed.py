"""Environments that the user manages: an interpreter used as it is."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from amlet.base.errors import EnvironmentFailed
from amlet.domain.environment import EnvironmentSpec, Lock, lock_of
from amlet.environments import pythons
from amlet.environments.builds import Build
from amlet.environments.resolve import this_platform

SOME_PYTHON = "3"
"""The version of an interpreter that only other machines have."""


def lock(spec: EnvironmentSpec, log: Callable[[str], None], *, here: bool) -> Lock:
    """A lock that holds the interpreter and no packages (v1-behaviours 10.15).

    Args:
        here: It runs on this machine; else the interpreter is another machine's, which finds it by the name given.

    Raises:
        EnvironmentFailed: it is not there or does not run as a Python that amlet supports.
    """
    if not here:
        note = f"You manage this environment: {spec.interpreter} of the machine that runs it is used as it is."
        log(note)
        return lock_of(SOME_PYTHON, this_platform(), "", [], notes=[note], interpreter=spec.interpreter)
    path = _located(spec.interpreter)
    hint = "set python.interpreter_path of the environment to the path of a Python 3.8 or newer."
    if path is None:
        raise EnvironmentFailed(f"There is no interpreter {spec.interpreter!r} on this machine.", hint=hint)
    python = pythons.probe(path)
    if python is None:
        raise EnvironmentFailed(f"{path} does not run as a Python interpreter.", hint=hint)
    if python.minor < pythons.OLDEST:
        raise EnvironmentFailed(f"{path} is Python {python}, and jobs need 3.8 or newer.", hint=hint)
    path = python.executable
    note = f"You manage this environment: Python {python} at {path} is used as it is."
    log(note)
    minor = pythons.minor_text(python.minor)
    return lock_of(minor, this_platform(), "", [], notes=[note], interpreter=str(path))


def find(lock: Lock) -> Build | None:
    """The interpreter, if it is still there."""
    python = _located(lock.interpreter or "")
    usable = python is not None and os.access(python, os.X_OK)
    return Build(python.parent.parent, python, lock.id) if python is not None and usable else None


def build(lock: Lock) -> Build:
    """The interpreter; there is nothing to make."""
    found = find(lock)
    if found is None:
        raise EnvironmentFailed(
            f"The interpreter {lock.interpreter} of this environment is not on this machine.",
            hint="install it there, or set python.interpreter_path to one that every node has.",
        )
    return found


def _located(interpreter: str) -> Path | None:
    """The absolute path. Links stay: a virtual environment's interpreter is one."""
    if os.sep in interpreter:
        path = Path(interpreter).expanduser().absolute()
        return path if path.exists() else None
    found = shutil.which(interpreter)
    if found is None and interpreter == "python":
        # v1's default; Debian has only `python3`.
        found = shutil.which("python3") or sys.executable
    return Path(found).absolute() if found else None
