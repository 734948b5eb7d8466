"""The engine of this machine: every node is a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from amlet.base.errors import StorageFailed
from amlet.base.paths import owner_only
from amlet.base.variables import own_environment
from amlet.domain.compute import Node
from amlet.runtime.marked import Marked, end_marked
from amlet.runtime.process import ProcessMark, mark_of

FOLDERS = ("AMLET_JOURNAL_DIR", "AZUREML_MODEL_DIR")
"""Variables of jobs and of replicas that name a folder of their node's."""


class LocalEngine:
    """Starts `python -m amlet.node`; finds its processes again by the file that each writes into its folder.

    The node writes the file, not this engine: a server that is killed right after a start must find that node too.
    """

    def __init__(self, root: Path, variables: Callable[[Node], Mapping[str, str]]) -> None:
        """`variables` gives the environment variables that tell a node its server, name and token."""
        self._root = root
        self._variables = variables
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def names(self) -> set[str]:
        self._reap()
        noted = {path.parent.name for path in self._root.glob("*/process.json")}
        return {name for name in noted.union(self._children) if self._process(name)}

    def troubles(self) -> Mapping[str, str]:
        return {}

    def start(self, node: Node) -> None:
        if self._process(node.name):
            return
        folder = owner_only(self._root / node.name)
        try:
            with (folder / "node.log").open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "amlet.node"],
                    cwd=folder,
                    env={**own_environment(), **self._variables(node)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise StorageFailed.from_os_error(error, folder) from error
        self._children[node.name] = child

    def stop(self, name: str) -> None:
        self._signal(name, signal.SIGTERM)

    def close(self, *, grace_s: float) -> None:
        names = self.names()
        for name in names:
            self._signal(name, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while self.names() and time.monotonic() < deadline:
            time.sleep(0.02)
        for name in self.names():
            self._signal(name, signal.SIGKILL)
        # What nodes left that were killed, now or long ago: their jobs, replicas and what those started.
        end_marked(str(self._root.parent), self._is_ours)
        self._reap()

    def _process(self, name: str) -> ProcessMark | None:
        try:
            told = ProcessMark(**json.loads((self._root / name / "process.json").read_text()))
            if told.is_alive():
                return told
        except (OSError, ValueError, TypeError):
            pass  # none was there, or it is still starting
        child = self._children.get(name)
        return mark_of(child.pid) if child is not None and child.poll() is None else None

    def _is_ours(self, process: Marked) -> bool:
        """A shell of the user's may have the same AMLET_HOME, but not these."""
        below = str(self._root) + os.sep
        folders = [process.variables.get(name, "") for name in FOLDERS]
        return "AMLET_NODE_NAME" in process.variables or any(folder.startswith(below) for folder in folders)

    def _signal(self, name: str, number: int) -> None:
        process = self._process(name)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def _reap(self) -> None:
        self._children = {name: child for name, child in self._children.items() if child.poll() is None}
