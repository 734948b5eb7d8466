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
from amlet.environments import conda, uv_errors
from amlet.environments.build_log import Told, build_log_of
from amlet.environments.failures import FULL_LOG, failure
from amlet.environments.once import is_whole, make_once, note_use
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

    def __init__(self, root: Path, at_hand: Callable[[], Sequence[Python]], conda_cache: Path) -> None:
        self._conda_cache = conda_cache
        self._root = root
        self._at_hand = at_hand

    def find(self, lock: Lock) -> Build | None:
        """The build, if it is whole and the interpreter under it is still there."""
        build = self._at(lock)
        if not _usable_for(lock)(build.path):
            return None
        note_use(build.path)
        return build

    def build(self, lock: Lock, log: Log) -> Build:
        """Make the build, or wait for whoever makes it; see `Environments.build`."""
        began = time.monotonic()
        build = self._at(lock)
        told = Told(build_log_of(build.path), log)

        def make(folder: Path) -> None:
            told.begin()
            if lock.conda and lock.platform == this_platform():
                conda.make(lock, folder, told.line, cache=self._conda_cache)
            self._make(lock, folder, told.line)

        # Packages of conda's have the path of their folder in their files.
        made = make_once(
            build.path, make, log, usable=_usable_for(lock), in_place=bool(lock.conda), while_waiting=told.follow
        )
        note_use(build.path)
        how = "Built" if made else "Found the build of this lock"
        log(f"{how} in {human_seconds(time.monotonic() - began)}: {build.path}")
        return build

    def _at(self, lock: Lock) -> Build:
        folder = self._root / lock.id
        return Build(folder, folder / "bin" / "python", lock.id)

    def _make(self, lock: Lock, folder: Path, log: Log) -> None:
        if lock.platform != this_platform():
            raise EnvironmentFailed(
                f"The environment is locked for {lock.platform}, and this machine is {this_platform()}.",
                hint="submit the run to a target whose nodes are like the machine that locked it.",
            )
        if not lock.conda:
            self._make_venv(lock, folder, log)
        options = [line for line in lock.requirements.splitlines() if line.startswith("--")]
        body = "".join(f"{line}\n" for line in lock.requirements.splitlines() if not line.startswith("--"))
        if not body.strip():
            return
        passed = [line for line in options if not line.startswith(("--pre", "--trusted-host"))]
        with tempfile.TemporaryDirectory(prefix="amlet-build-") as scratch:
            requirements = Path(scratch, "requirements.txt")
            requirements.write_text("".join(f"{line}\n" for line in passed) + body, encoding="utf-8")
            # `sync` would take conda's packages out.
            what = ["install", "--no-deps", "--break-system-packages", "--requirements"] if lock.conda else ["sync"]
            arguments = ["pip", *what, str(requirements), "--python", str(folder / "bin" / "python")]
            arguments += ["--require-hashes", "--only-binary", ":all:", *command_line(options)]
            # What uv's cache has under the lock's hashes needs no index: asking takes twice as long, and ten builds
            # that ask at once wait for name servers.
            lines: list[str] = []
            if run_uv([*arguments, "--offline"], lines.append).code == 0:
                for line in lines:
                    log(line)
            else:
                _run(arguments, folder, log)

    def _make_venv(self, lock: Lock, folder: Path, log: Log) -> None:
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


def _usable_for(lock: Lock) -> Callable[[Path], bool]:
    return (lambda folder: _usable(folder) and conda.is_in_place(folder)) if lock.conda else _usable


def _usable(folder: Path) -> bool:
    # The link to the base interpreter dangles once that is uninstalled.
    return is_whole(folder) and os.access(folder / "bin" / "python", os.X_OK)


def _run(arguments: Sequence[str], folder: Path, log: Log) -> None:
    done = run_uv(arguments, log)
    if done.code:
        raise failure("uv could not build the environment", uv_errors.cause_of(done.output, ()), path=folder)
