"""Interactive runs against a real server: stopped, frozen, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amlet.domain.run import FAILED
from amlet.sdk.connection import Connection, Names
from amlet.sdk.experiment import Experiment
from amlet.sdk.interactive import folder_of
from amlet.sdk.recording import background
from amlet.sdk.run import Run
from amlet.sdk.workspace import Workspace
from support.server import RealServer, until

HEAD = """
import os, sys, time
from azureml.core import Experiment, Run, Workspace
ws = Workspace.create("demo", exist_ok=True)
run = Experiment(ws, "notebook").start_logging(snapshot_directory=None, outputs=False)
print(run.id, flush=True)
"""


@pytest.fixture
def workspace(fresh_server: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AMLET_HOME", str(fresh_server.home.root))
    monkeypatch.chdir(tmp_path)
    held = Connection(Names("local", "demo-rg", "demo"))
    held._client = fresh_server.client(patience_s=30.0)
    held.ensure(create=True)
    yield Workspace(*held.names, _held=held)
    # The thread of this process must be through with the server before its client is closed.
    for recorder in list(background._recorders):
        with recorder._lock:
            recorder.close()
    for helper in background._helpers:
        helper.join(10)


@pytest.fixture
def script(fresh_server: RealServer, tmp_path: Path) -> Any:
    """Starts a process that begins a run and then does what the text says; gives the process and the run's id."""
    started: list[subprocess.Popen[str]] = []

    def begin(text: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HEAD + text],
            env=fresh_server.variables(),
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        if not run_id:
            raise AssertionError(process.communicate()[1])
        return process, run_id

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def status(workspace: Workspace, run_id: str) -> str:
    return Run.get(workspace, run_id).status


def test_what_was_logged_right_before_kill_9_is_there_and_the_run_fails(
    workspace: Workspace, script: Callable[[str], Any]
) -> None:
    process, run_id = script("for i in range(1000): run.log('x', i)\nos.kill(os.getpid(), 9)")
    process.wait(30)
    until(lambda: status(workspace, run_id) == FAILED, seconds=30, what="the end of the killed run")
    run = Run.get(workspace, run_id)
    assert run.get_metrics() == {"x": list(range(1000))}
    assert "killed by a signal" in run.get_details()["error"]["message"]
    until(lambda: not folder_of(workspace._connection.workspace_id, run_id).exists(), seconds=10, what="a clean home")


IMAGES = """
class Plot:
    def savefig(self, stream, format):
        stream.write(b"\\x89PNG\\r\\n\\x1a\\n")
run.log_image("roc", plot=Plot())
run.log_confusion_matrix("matrix", {"schema_type": "confusion_matrix", "schema_version": "v1",
                                    "data": {"class_labels": ["a"], "matrix": [[1]]}})
os.kill(os.getpid(), 9)
"""


def test_an_image_logged_right_before_kill_9_is_there(workspace: Workspace, script: Callable[[str], Any]) -> None:
    process, run_id = script(IMAGES)
    process.wait(30)
    until(lambda: status(workspace, run_id) == FAILED, seconds=30, what="the end of the killed run")
    found = Run.get(workspace, run_id).get_metrics(populate=True)
    assert found["roc"].content == b"\x89PNG\r\n\x1a\n"
    assert found["matrix"].data["data"]["matrix"] == [[1]]


def test_an_image_logged_by_a_job_right_before_kill_9_is_there(workspace: Workspace, tmp_path: Path) -> None:
    from amlet.sdk.environment import Environment
    from amlet.sdk.script_run_config import ScriptRunConfig

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(
        "import os\nfrom azureml.core import Run\nrun = Run.get_context()\n" + IMAGES
    )
    environment = Environment("own")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    run = Experiment(workspace, "jobs").submit(
        ScriptRunConfig(str(tmp_path / "src"), "train.py", environment=environment)
    )
    assert run.wait_for_completion(raise_on_error=False)["status"] == FAILED
    assert run.get_metrics(populate=True)["roc"].content == b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def small_disk(fresh_server: RealServer) -> Any:
    """The folder of interactive runs on a disk of 256 KiB."""
    place = fresh_server.home.interactive
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_said_once_in_the_runs_warnings_and_training_goes_on(
    workspace: Workspace, script: Callable[[str], Any], small_disk: Path
) -> None:
    process, run_id = script(
        """
run.log("x", 0)
place = os.path.join(os.environ["AMLET_HOME"], "interactive", "filler")
with open(place, "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(b"x" * 512)
    except OSError:
        pass
for number in range(1, 20_000):
    run.log("x", number)
class Plot:
    def savefig(self, stream, format):
        stream.write(b"\\x89PNG\\r\\n\\x1a\\n" * 1000)
run.log_image("roc", plot=Plot())
os.unlink(place)
run.log("x", 20_000)
run.complete()
"""
    )
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    run = Run.get(workspace, run_id)
    warnings = {warning["source"]: warning["message"] for warning in run.get_details()["warnings"]}
    values = run.get_metrics()["x"]
    assert (values[0], values[-1], run.status) == (0, 20_000, "Completed")
    # The image's point is one of them.
    assert warnings["metrics"] == (
        f"{20_002 - len(values):,} values were lost: the journal could not be written (No space left on device)."
    )
    assert "is not kept with the run" in warnings["files"] and len(warnings) == 2


def test_a_run_that_its_script_forgot_ends_as_the_script_does(
    workspace: Workspace, script: Callable[[str], Any]
) -> None:
    process, run_id = script("run.log('x', float('nan'))")
    assert process.wait(60) == 0
    assert status(workspace, run_id) == "Completed"
    process, run_id = script("child = run.child_run()\nraise KeyError('no such column')")
    process.wait(60)
    run = Run.get(workspace, run_id)
    assert run.status == FAILED and "KeyError" in run.get_details()["error"]["message"]
    assert [child.status for child in run.get_children()] == [FAILED]


@pytest.mark.alone
def test_logging_goes_on_while_the_server_is_frozen_and_every_value_arrives_once_in_order(
    workspace: Workspace, fresh_server: RealServer
) -> None:
    import time

    run = Experiment(workspace, "frozen").start_logging(snapshot_directory=None, outputs=False)
    run.log("x", -1)
    fresh_server.signal(signal.SIGSTOP)
    slowest_s = 0.0
    try:
        for number in range(20_000):
            before = time.perf_counter()
            run.log("x", number)
            slowest_s = max(slowest_s, time.perf_counter() - before)
    finally:
        fresh_server.signal(signal.SIGCONT)
    assert slowest_s < 1.0
    assert run.get_metrics() == {"x": [-1, *range(20_000)]}
    assert run.get_metrics()["x"][-1] == 19_999  # draining twice changes nothing
    run.complete()


def test_logging_goes_on_over_kill_9_of_the_server(workspace: Workspace, fresh_server: RealServer) -> None:
    run = Experiment(workspace, "killed").start_logging(snapshot_directory=None, outputs=False)
    run.log("x", 0)
    run.flush()
    fresh_server.kill()
    for number in range(1, 500):
        run.log("x", number)
    fresh_server.start()
    workspace._connection._client = fresh_server.client(patience_s=30.0)
    assert run.get_metrics() == {"x": list(range(500))}
    run.complete()
    assert run.get_status() == "Completed"


def test_forked_processes_log_to_the_same_run(workspace: Workspace, script: Callable[[str], Any]) -> None:
    process, run_id = script(
        "run.log('x', 0)\nif not os.fork():\n    run.log('x', 1)\n    sys.exit(0)\nos.wait()\nrun.complete()"
    )
    assert process.wait(60) == 0
    run = Run.get(workspace, run_id)
    assert sorted(run.get_metrics()["x"]) == [0, 1] and run.status == "Completed"


def test_sources_git_facts_and_packages_are_kept(workspace: Workspace, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "train.py").write_text("print(1)\n")
    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "first")
    (tmp_path / "train.py").write_text("print(2)\n")
    run = Experiment(workspace, "facts").start_logging()
    snapshot_id = run.get_snapshot_id()
    run.complete()
    known = run.get_properties()
    assert (known["azureml.git.dirty"], known["azureml.git.branch"]) == ("True", "main")  # v1-behaviours 3.5
    assert known["ContentSnapshotId"] == snapshot_id and known["amlet.python"] == sys.executable
    assert b"+print(2)" in run._read_file("system_logs/uncommitted.diff")
    assert b"pytest==" in run._read_file("system_logs/packages.txt")
    import zipfile

    with zipfile.ZipFile(run.restore_snapshot(path=str(tmp_path / "zip"))) as archive:  # v1-behaviours 7.9
        assert archive.read("train.py") == b"print(2)\n"


def test_a_run_ended_from_outside_is_told_and_stops_nothing(workspace: Workspace, capsys: Any) -> None:
    run = Experiment(workspace, "outside").start_logging(snapshot_directory=None, outputs=False)
    looked = workspace._connection.client.runs.cancel(workspace._connection.workspace_id, run.id)
    assert looked.status == "Canceled"
    told = ""

    def warned() -> bool:
        nonlocal told
        run.log("x", 1)
        told += capsys.readouterr().err
        return "not kept" in told

    until(warned, seconds=10, what="the warning")
    run.log("x", 2)
    run.complete()
    assert run.get_status() == "Canceled" and "it is Canceled already" in capsys.readouterr().err


def test_files_go_up_and_come_down_whole(workspace: Workspace, tmp_path: Path) -> None:
    run = Experiment(workspace, "files").start_logging(snapshot_directory=None, outputs=False)
    (tmp_path / "up" / "tief ü").mkdir(parents=True)
    content = os.urandom(3 << 20)
    for number in range(5):
        (tmp_path / "up" / "tief ü" / f"f'{number}").write_bytes(content + bytes([number]))
    run.upload_folder("data", str(tmp_path / "up"))
    run.download_files("data", str(tmp_path / "down"), append_prefix=False)  # v1-behaviours 3.10
    for number in range(5):
        assert (tmp_path / "down" / "tief ü" / f"f'{number}").read_bytes() == content + bytes([number])
    run.complete()


JOB = """
from azureml.core import Run
run = Run.get_context()
class Plot:
    def savefig(self, stream, format):
        stream.write(b"\\x89PNG\\r\\n\\x1a\\n")
run.log("x", 1)
run.log_image("roc", plot=Plot())
with run.child_run("fold") as child:
    child.log("score", 0.5)
assert run.get_metrics(recursive=True)[child.id] == {"score": 0.5}
assert child.parent.id == run.id
child.parent.log("x", 2)
run.tag("by", "itself")
run.upload_file("notes.txt", __file__)
run.fail("no data", error_code="Mine")
raise SystemExit(3)
"""


def test_inside_a_job_children_files_and_failures_work(workspace: Workspace, tmp_path: Path) -> None:
    from amlet.sdk.environment import Environment
    from amlet.sdk.script_run_config import ScriptRunConfig

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(JOB)
    environment = Environment("own")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    config = ScriptRunConfig(str(tmp_path / "src"), "train.py", environment=environment)
    parent = Experiment(workspace, "jobs").start_logging(snapshot_directory=None, outputs=False)
    run = parent.submit_child(config)
    details = run.wait_for_completion(raise_on_error=False)
    log = run._read_file("user_logs/std_log.txt").decode()
    assert details["status"] == FAILED and run.tags == {"by": "itself"}, log
    assert details["error"]["message"] == "no data" and details["error"]["code"] == "Mine", (details["error"], log)
    assert run.get_metrics()["x"] == [1, 2] and "notes.txt" in run.get_file_names(), log
    assert run.get_metrics(populate=True)["roc"].content == b"\x89PNG\r\n\x1a\n"
    (child,) = run.get_children()
    assert (child.status, child.get_metrics()) == ("Completed", {"score": 0.5}), log
    assert "logs/user_log.txt" in child.get_file_names()
    assert {found.id for found in parent.get_children(recursive=True)} == {run.id, child.id}
    parent.complete()
