"""Where a benchmark works: clean variables, folders that go away, and a server of its own home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from amlet.base.paths import Home
from amlet.base.variables import NOT_INHERITED
from amlet.client.connection import Client
from amlet.client.local_server import LocalServer

AMLET = Path(sys.executable).with_name("amlet")
"""The command line of the environment that runs us."""


class Skipped(Exception):
    """A peer cannot be measured here; the text names it and says why."""


def clean_variables(**more: str) -> dict[str, str]:
    """The variables of a user's shell: nothing of a job, nothing that slows the imports of either side."""
    kept = {
        key: text
        for key, text in os.environ.items()
        if key not in NOT_INHERITED and not key.startswith(("AZUREML_", "AMLET_"))
    }
    return {**kept, **more}


def run(arguments: Sequence[str | Path], *, folder: Path | None = None, **variables: str) -> str:
    """Run a program to its end, with clean variables, and return what it printed.

    Raises:
        RuntimeError: with what it said, when it fails.
    """
    ended = subprocess.run(
        [str(part) for part in arguments],
        cwd=folder,
        env=clean_variables(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(
            f"{' '.join(map(str, arguments))[:300]} ended with {ended.returncode}: {ended.stderr[-2000:]}"
        )
    return ended.stdout


class Place:
    """A temporary folder with a home in it. `client` starts its server, as the first script of a user does."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="amlet-bench-"))
        self.home = Home(self.root / "home")
        self._client: Client | None = None
        self._number = 0

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = start_server(self.home)
        return self._client

    def folder(self, name: str) -> Path:
        """A new folder."""
        self._number += 1
        made = self.root / f"{name}-{self._number}"
        made.mkdir()
        return made

    def python_with(self, package: str) -> Path:
        """The Python of a build of this home's that holds a package.

        Raises:
            RuntimeError: there is none.
        """
        for python in self.home.environments.glob("builds/*/bin/python"):
            if list(python.parent.parent.glob(f"lib/*/site-packages/{package}")):
                return python
        raise RuntimeError(f"no build in {self.home.environments} holds {package}")

    @contextmanager
    def other_home(self) -> Iterator[Home]:
        """A home beside this one; its server, if one was started, is ended."""
        home = Home(self.folder("home"))
        try:
            yield home
        finally:
            stop_server(home)

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()
            stop_server(self.home)
        shutil.rmtree(self.root, ignore_errors=True)


def start_server(home: Home) -> Client:
    """A client of the home's server, started if it does not run."""
    held = os.environ.get("AMLET_HOME")
    os.environ["AMLET_HOME"] = str(home.root)
    try:
        return LocalServer(home).connect()
    finally:
        if held is None:
            del os.environ["AMLET_HOME"]
        else:
            os.environ["AMLET_HOME"] = held


def stop_server(home: Home) -> None:
    """End a home's server with its nodes and services, and wait until they are gone."""
    run([AMLET, "server", "stop", "--cancel-runs"], AMLET_HOME=str(home.root))
