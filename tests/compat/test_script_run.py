"""v1-style scripts that submit and look around, as processes of their own against a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.server import RealServer

SUBMIT = """
from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.core.runconfig import RunConfiguration
from azureml.core.script_run import ScriptRun
from azureml.core.script_run_config import get_run_config_from_script_run

workspace = Workspace.create("script-run", exist_ok=True)
run_config = RunConfiguration(script="train.py")
run_config.environment.python.user_managed_dependencies = True
source = ScriptRunConfig(".", run_config=run_config)
run = Experiment(workspace, "scripts").submit(source)
details = run.wait_for_completion()
assert isinstance(run, ScriptRun)
assert run.type == ScriptRun.RUN_TYPE
assert details["status"] == "Completed"
assert details["runDefinition"]["docker"]["useDocker"] is False
assert get_run_config_from_script_run(source).script == "train.py"
"""

LOOK = """
from azureml.core import Workspace
from azureml.exceptions import WorkspaceException

Workspace.create("lone", subscription_id="sub-1", resource_group="group-1")
for group in ("group-1", "group-2"):
    Workspace.create("twice", subscription_id="sub-1", resource_group=group)
found = Workspace.list("sub-1")  # v1-behaviours 1.10
assert {name: len(held) for name, held in found.items()} == {"lone": 1, "twice": 2}
assert Workspace.get("lone").resource_group == "group-1"
assert Workspace.get("twice", resource_group="group-2").subscription_id == "sub-1"
try:
    Workspace.get("twice")
except WorkspaceException as error:
    assert error.found_multiple and "There are 2 workspaces" in error.message
else:
    raise AssertionError("two workspaces of one name")
"""

CLUSTER = """
from azureml.core import Workspace

made = Workspace.create("clustered", default_cpu_compute_target=Workspace.DEFAULT_CPU_CLUSTER_CONFIGURATION)
assert made.get_default_compute_target("CPU").name == "cpu-cluster"
assert "cpu-cluster" in made.compute_targets
"""


def _run(server: RealServer, folder: Path, script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=server.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_submitted_run_is_a_script_run(shared_server: RealServer, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('trained')\n")
    _run(shared_server, tmp_path, SUBMIT)


def test_workspaces_are_listed_and_found_by_name_alone(shared_server: RealServer, tmp_path: Path) -> None:
    _run(shared_server, tmp_path, LOOK)


def test_a_default_cluster_is_made_with_the_workspace(shared_server: RealServer, tmp_path: Path) -> None:
    _run(shared_server, tmp_path, CLUSTER)
