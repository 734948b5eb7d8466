"""Runs of small scripts that are given data and leave some."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.run import Run
from support.server import RealServer


class Place:
    """A workspace with some data, and a folder for scripts."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace = workspace
        self.folder = folder
        self.environment = Environment("own-python")
        self.environment.python.user_managed_dependencies = True
        self.environment.python.interpreter_path = sys.executable

    def config(self, script: str, arguments: list[object], **more: object) -> ScriptRunConfig:
        source = self.folder / "source"
        source.mkdir(exist_ok=True)
        (source / "main.py").write_text(textwrap.dedent(script))
        return ScriptRunConfig(str(source), "main.py", arguments, environment=self.environment, **more)

    def submit(self, script: str, arguments: list[object], **more: object) -> Run:
        return Experiment(self.workspace, "data").submit(self.config(script, arguments, **more))

    def printed(self, run: Run) -> list[str]:
        run.wait_for_completion()
        return run._read_file("user_logs/std_log.txt").decode().splitlines()


@contextlib.contextmanager
def workspace_of(server: RealServer, name: str) -> Iterator[Workspace]:
    """A workspace as a script makes it that has the server's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLET_HOME", str(server.home.root))
        made = Workspace.create(name, exist_ok=True)
        yield made
        made._connection.client.close()
