"""Builds: virtual environments made from locks, one folder a lock."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import EnvironmentFailed
from amlet.base.units import human_seconds
from amlet.domain.environment import Lock
from amlet.environments import uv_errors
from amlet.environments.failures import FULL_LOG, failure
from amlet.environments.once import is_whole, make_once
from amlet.environments.pythons import Python, minor_text
from amlet.environments.resolve import command_line, this_platform
from amlet.environments.uv_program import run_uv

Log = Callable[[str], None]


class Build(NamedTuple):
    """A prepared environment."""

    path: Path
    python: Path
    """Its interpreter."""
    lock_id: str


class Builds:
    """The folder of builds. Safe to use from any thread and process."""

    def __init__(self, root: Path, at_hand: Callable[[], Sequence[Python]]) -> None:
        self._root = root
        self._at_hand = at_hand

    def find(self, lock: Lock) -> Build | None:
        """The build, if it is whole and the interpreter under it is still there."""
        build = self._at(lock)
        return build if _usable(build.path) else None

    def build(self, lock: Lock, log: Log, private_options: list[str] | None = None) -> Build:
        """Make the build, or wait for whoever makes it; see `Environments.build`."""
        began = time.monotonic()
        build = self._at(lock)

        def make(folder: Path) -> None:
            self._make(lock, folder, log, private_options)

        made = make_once(build.path, make, log, usable=_usable)
        how = "Built" if made else "Found the build of this lock"
        log(f"{how} in {human_seconds(time.monotonic() - began)}: {build.path}")
        return build

    def _at(self, lock: Lock) -> Build:
        folder = self._root / lock.id
        return Build(folder, folder / "bin" / "python", lock.id)

    def _make(self, lock: Lock, folder: Path, log: Log, private_options: list[str] | None) -> None:
        if lock.platform != this_platform():
            raise EnvironmentFailed(
                f"The environment is locked for {lock.platform}, and this machine is {this_platform()}.",
                hint="submit the run to a target whose nodes are like the machine that locked it.",
            )
        at_hand = self._at_hand()
        python = next((held for held in at_hand if minor_text(held.minor) == lock.python), None)
        if python is None:
            found = ", ".join(str(held) for held in at_hand) or "none"
            raise EnvironmentFailed(
                f"The environment is locked for Python {lock.python}, and this machine has {found}.",
                hint=f"install Python {lock.python} here, or build the environment anew. {FULL_LOG}",
            )
        log(f"Building for Python {python} ({len(lock.packages)} packages).")
        venv = ["venv", "--quiet", "--relocatable", "--no-project", "--allow-existing", "--python", str(python.path)]
        _run([*venv, str(folder)], folder, log)
        options = [line for line in lock.requirements.splitlines() if line.startswith("--")]
        body = "".join(f"{line}\n" for line in lock.requirements.splitlines() if not line.startswith("--"))
        if not body.strip():
            return
        passed = [line for line in private_options or options if not line.startswith(("--pre", "--trusted-host"))]
        with tempfile.TemporaryDirectory(prefix="amlet-build-") as scratch:
            requirements = Path(scratch, "requirements.txt")
            requirements.write_text("".join(f"{line}\n" for line in passed) + body, encoding="utf-8")
            sync = ["pip", "sync", str(requirements), "--python", str(folder / "bin" / "python")]
            sync += ["--require-hashes", "--only-binary", ":all:", *command_line(options)]
            _run(sync, folder, log)


def _usable(folder: Path) -> bool:
    # The link to the base interpreter dangles once that is uninstalled.
    return is_whole(folder) and os.access(folder / "bin" / "python", os.X_OK)


def _run(arguments: Sequence[str], folder: Path, log: Log) -> None:
    done = run_uv(arguments, log)
    if done.code:
        raise failure("uv could not build the environment", uv_errors.cause_of(done.output, ()), path=folder)
