"""Runs outside a job, brought to a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amlet.sdk.connection import Connection, Names
from amlet.sdk.run import Run
from amlet.sdk.workspace import Workspace
from support.server import RealServer, until

SCRIPT = """
import io, os
from azureml.core import Run
run = Run.get_context()
for i in range(300): run.log("x", i, step=i)
run.tag("team", "vision")
run.upload_file("outputs/m.bin", io.BytesIO(b"model"))
child = run.child_run("fold")
child.log("y", 1)
print(run.id, flush=True)
"""


@pytest.fixture
def place(fresh_server: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pro ject"
    folder.mkdir()
    config = {"subscription_id": "s", "resource_group": "g", "workspace_name": "mine"}
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("AMLET_HOME", str(fresh_server.home.root))
    monkeypatch.chdir(folder)
    return folder


def script(server: RealServer, place: Path, text: str) -> list[str]:
    """What a script printed; it may have been killed."""
    done = subprocess.run(
        [sys.executable, "-c", text], env=server.variables(), cwd=place, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return done.stdout.splitlines()


def ran(server: RealServer, place: Path, text: str) -> str:
    """The id of a run that was outside a job."""
    return script(server, place, SCRIPT + text)[-1]


def synced(server: RealServer, place: Path) -> set[str]:
    """The ids of the runs that a sync brought."""
    text = "from amlet.sdk.sync import sync\nprint('brought', *(run.id for run in sync()))"
    return set(script(server, place, text)[-1].split()[1:])


@pytest.fixture
def workspace(fresh_server: RealServer) -> Workspace:
    held = Connection(Names("s", "g", "mine"))
    held._client = fresh_server.client()
    held.ensure(create=True)
    return Workspace(*held.names, _held=held)


def test_all_of_a_run_is_brought_once_however_often_it_is_asked(
    fresh_server: RealServer, place: Path, workspace: Workspace
) -> None:
    run_id = ran(fresh_server, place, "")
    assert synced(fresh_server, place) == {run_id, f"{run_id}.fold"}
    assert synced(fresh_server, place) == set()
    run = Run.get(workspace, run_id)
    assert (run.status, run.experiment.name) == ("Completed", "pro-ject")
    assert run.get_metrics(recursive=True) == {run_id: {"x": list(range(300))}, f"{run_id}.fold": {"y": 1}}
    assert run.tags == {"team": "vision"} and run.get_file_names() == ["outputs/m.bin"]
    assert run._read_file("outputs/m.bin") == b"model"


def test_a_killed_process_loses_nothing_and_its_run_fails(
    fresh_server: RealServer, place: Path, workspace: Workspace
) -> None:
    run_id = ran(fresh_server, place, "os.kill(os.getpid(), 9)")
    synced(fresh_server, place)
    run = Run.get(workspace, run_id)
    assert run.status == "Failed" and "killed by a signal" in run.get_details()["error"]["message"]
    assert len(run.get_metrics()["x"]) == 300


def test_an_uncaught_exception_is_the_runs_error(fresh_server: RealServer, place: Path, workspace: Workspace) -> None:
    run_id = ran(fresh_server, place, "raise KeyError('column')")
    synced(fresh_server, place)
    assert "KeyError" in Run.get(workspace, run_id).get_details()["error"]["message"]


def test_many_at_once_bring_every_value_once(fresh_server: RealServer, place: Path, workspace: Workspace) -> None:
    run_id = ran(fresh_server, place, "")
    with ThreadPoolExecutor(3) as pool:
        for made in [pool.submit(synced, fresh_server, place) for _ in range(3)]:
            made.result(60)
    assert Run.get(workspace, run_id).get_metrics() == {"x": list(range(300))}


def test_a_run_that_goes_on_is_brought_as_far_as_it_is(
    fresh_server: RealServer, place: Path, workspace: Workspace
) -> None:
    text = """
from amlet.sdk.sync import sync
before = sync()
print(before[0].get_status(), before[0].get_metrics())
run.log("x", 300)
run.complete()
print(sync()[0].get_status(), run.id)
"""
    told = script(fresh_server, place, SCRIPT + text)
    assert [line for line in told if line.startswith("Running")]
    state, run_id = told[-1].split()
    assert state == "Completed"
    assert Run.get(workspace, run_id).get_metrics() == {"x": list(range(301))}


def test_registering_a_model_brings_the_run_first_and_the_end_follows(
    fresh_server: RealServer, place: Path, workspace: Workspace
) -> None:
    (place / "outputs").mkdir()
    (place / "outputs" / "model.joblib").write_bytes(b"m")
    text = "model = run.register_model('m', 'outputs/model.joblib')\nassert model.run_id == run.id\nprint(run.id)"
    run = Run.get(workspace, ran(fresh_server, place, text))
    assert len(run.get_metrics()["x"]) == 300 and run.status == "Completed"
    assert "outputs/model.joblib" in run.get_file_names()


def test_outside_a_project_runs_go_to_the_default_workspace(fresh_server: RealServer, place: Path) -> None:
    (place / "config.json").unlink()
    run_id = ran(fresh_server, place, "")
    assert run_id in synced(fresh_server, place)
    assert [held.name for held in fresh_server.client().workspaces.list().workspaces] == ["default"]


def test_a_run_that_was_synced_and_then_killed_ends_within_seconds_with_all_it_logged(
    fresh_server: RealServer, place: Path, workspace: Workspace
) -> None:
    text = """
from amlet.sdk.sync import sync
sync()
run.log("x", 300)
run.tag("late", "yes")
print(run.id, flush=True)
os.kill(os.getpid(), 9)
"""
    run_id = ran(fresh_server, place, text)
    until(lambda: Run.get(workspace, run_id).status == "Failed", seconds=10, what="the end of the killed run")
    run = Run.get(workspace, run_id)
    assert "killed by a signal" in run.get_details()["error"]["message"]
    assert run.get_metrics()["x"] == list(range(301))
    assert run_id in synced(fresh_server, place)  # the rest of it
    assert Run.get(workspace, run_id).tags == {"team": "vision", "late": "yes"}
    assert synced(fresh_server, place) == set()
