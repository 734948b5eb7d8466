"""The queue as users see it: priorities, retries, time limits, places, what nodes do."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amlet.wire.computes import CreateCompute
from amlet.wire.files import FileQuery
from support.cli import START, CommandLine
from support.runs import finish
from support.server import RealServer, until

FLAKY = """
import pathlib, sys
from azureml.core import Run
tries = pathlib.Path({tries!r})
count = len(tries.read_text()) if tries.exists() else 0
tries.write_text("x" * (count + 1))
run = Run.get_context()
run.log("count", count)
run.upload_file("state.txt", str(tries))
print("try", count, flush=True)
sys.exit(75 if count < {fails} else 0)
"""

WAITS = "import pathlib, time\nwhile not pathlib.Path({flag!r}).exists():\n    time.sleep(0.02)\n"


SUBMITS = """
import sys
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
config = ScriptRunConfig('.', 'train.py')
{settings}
config.run_config.environment.python.user_managed_dependencies = True
config.run_config.environment.python.interpreter_path = sys.executable
config.run_config.retries, config.run_config.retry_codes = retries, [75]
run = Experiment(Workspace.get(name={workspace!r}), 'again').submit(config)
run.wait_for_completion(show_output=True, raise_on_error=False)
print(run.id)
"""

WAITS_LATE = """
from azureml.core import Run, Workspace
Run.get(Workspace.get(name={workspace!r}), {run_id!r}).wait_for_completion(show_output=True)
"""


@pytest.fixture
def user(fresh_server: RealServer, tmp_path: Path) -> CommandLine:
    folder = tmp_path / "user's own"
    folder.mkdir()
    return CommandLine(fresh_server, "queue", folder)


def _write(user: CommandLine, text: str, name: str = "train.py") -> str:
    (user.folder / name).write_text(text)
    return name


def _python(user: CommandLine, script: str) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [sys.executable, script],
        cwd=user.folder,
        env=user.server.variables(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def _submitted(user: CommandLine, *arguments: str) -> str:
    return user.cli("submit", *arguments, "--detach").out.strip()


def test_a_run_is_tried_again_after_a_named_exit_code_and_every_attempt_stays_readable(user: CommandLine, tmp_path):
    script = _write(user, FLAKY.format(tries=str(tmp_path / "tries"), fails=2))

    told = user.cli("submit", script, "--retry", "3", "--retry-on", "75", "--retry-on", "3")

    assert told.out == "try 0\ntry 1\ntry 2\n"
    run = user.client.runs.get(user.workspace_id, user.json("ps", "--all")[0]["id"])
    assert (run.run.status, run.run.attempt) == ("Completed", 3)
    assert [(past.number, past.error.exit_code) for past in run.run.past] == [(1, 75), (2, 75)]
    logs = [f"user_logs/{folder}std_log.txt" for folder in ("attempt_1/", "attempt_2/", "")]
    texts = []
    for path in logs:
        with user.client.runs.file(user.workspace_id, run.run.id, FileQuery(path)) as body:
            texts.append(body.read().decode())
    assert texts == ["try 0\n", "try 1\n", "try 2\n"]
    assert {"attempt_1/state.txt", "attempt_2/state.txt", "state.txt"} <= {file.path for file in run.files}
    metrics = user.client.runs.metrics(user.workspace_id, run.run.id).values
    assert metrics == {"attempt_1/count": 0, "attempt_2/count": 1, "count": 2}
    (user.folder / "late.py").write_text(WAITS_LATE.format(workspace=user.name, run_id=run.run.id))
    late = _python(user, "late.py").stdout.partition("Execution Summary")[0]
    assert late.count("Streaming user_logs/std_log.txt") == 3
    assert [line for line in late.splitlines() if line.startswith("try")] == ["try 0", "try 1", "try 2"]
    assert user.cli("logs", run.run.id).out == "try 2\n"
    shown = user.cli("show", run.run.id).out
    assert "3, with 2 of 3 retries used, also after exit code 3, 75" in shown
    assert "User program failed: it ended with exit code 75" in shown


def test_the_sdk_waits_over_attempts_and_tells_each_ones_log(user: CommandLine, tmp_path):
    _write(user, FLAKY.format(tries=str(tmp_path / "tries"), fails=1))
    (user.folder / "client.py").write_text(
        SUBMITS.format(workspace=user.name, settings="retries = 1")
        + "print([(a['number'], a['error']['message'], a['logFolder']) for a in run.get_details()['attempts']])"
    )

    ended = _python(user, "client.py")

    assert ended.stdout.count("Streaming user_logs/std_log.txt") == 2
    assert ended.stdout.index("try 0") < ended.stdout.index("try 1")
    message = "User program failed: it ended with exit code 75"
    assert f"[(1, {message!r}, 'user_logs/attempt_1')]" in ended.stdout
    assert "amlet: scale: " in ended.stderr
    assert "amlet: run: " in ended.stderr


def test_a_run_that_takes_too_long_is_ended_and_not_tried_again(user: CommandLine):
    _write(user, "import time\nprint('began', flush=True)\ntime.sleep(600)")
    (user.folder / "client.py").write_text(
        SUBMITS.format(workspace=user.name, settings="config.run_config.max_run_duration_seconds = 1; retries = 3")
    )

    ended = _python(user, "client.py")

    run = user.client.runs.get(user.workspace_id, ended.stdout.split()[-1]).run
    assert (run.status, run.past) == ("Failed", [])
    assert run.error is not None
    assert "longer than max_run_duration_seconds=1" in run.error.message


def test_commands_tell_the_place_of_a_run_and_what_the_nodes_do(user: CommandLine, tmp_path):
    flag = tmp_path / "flag"
    user.client.computes.create(
        user.workspace_id, "cpu", CreateCompute("AmlCompute", "STANDARD_D1_V2", max_nodes=1, idle_s=60)
    )
    script = _write(user, WAITS.format(flag=str(flag)))
    first = _submitted(user, script, "-t", "cpu")
    until(lambda: user.client.runs.get(user.workspace_id, first).run.status == "Running", what="the first run")
    others = [_submitted(user, script, "-t", "cpu") for _ in range(2)]
    urgent = _submitted(user, script, "-t", "cpu", "--priority", "9")

    listed = {run["id"]: run for run in user.json("ps")}
    assert [listed[run_id]["ahead"] for run_id in (urgent, *others, first)] == [0, 1, 2, None]
    assert listed[others[1]]["waiting_for"] == "waits for a node of cpu: 1 of 1 nodes is busy, 2 runs ahead"
    printed = user.cli("ps").out
    assert "Queued #3" in printed
    assert "waits for a node of cpu: 1 of 1 nodes is busy, next in the queue" in printed
    assert "2 runs ahead" in user.cli("show", others[1]).out

    told = user.json("compute", "show", "cpu")
    assert [(node["state"], node["run_id"]) for node in told["nodes"]] == [("running", first)]
    assert [waits["run"] for waits in told["waiting"]] == [urgent, *others]
    shown = user.cli("compute", "show", "cpu").out
    assert f"{first} (Running for " in shown
    assert "3 runs wait" in shown
    names = {target["name"]: target for target in user.json("compute", "list")}
    assert set(names) == {"local", "cpu"}
    assert "1 of 1" in user.cli("compute", "list").out
    assert "There is no compute target" in user.cli("compute", "show", "cpq", code=1).err

    watching = subprocess.Popen(
        [sys.executable, "-c", START, "compute", "show", "cpu", "--watch", "-w", user.name],
        cwd=user.folder,
        env=user.server.variables(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watching.stdout is not None
        lines = [watching.stdout.readline() for _ in range(2)]
        assert f"running {first}" in lines[0]
        assert "queue  3 waiting" in lines[1]
        flag.touch()
        for run_id in (first, urgent, *others):
            assert finish(user.client, user.client.runs.get(user.workspace_id, run_id).run).status == "Completed"
        assert any("0 waiting" in watching.stdout.readline() for _ in range(20))
    finally:
        watching.kill()
        watching.communicate()
    started = [user.client.runs.get(user.workspace_id, run_id).run.started for run_id in (urgent, *others)]
    assert started == sorted(started)


def test_a_table_on_a_terminal_is_painted_over_itself_until_ctrl_c(user: CommandLine):
    ours, theirs = pty.openpty()
    watching = subprocess.Popen(
        [sys.executable, "-c", START, "compute", "show", "local", "--watch", "-w", user.name],
        env=user.server.variables(TERM="xterm"),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        shown = b""
        while shown.count(b"\x1b[J") < 2:
            shown += os.read(ours, 1 << 16)
        watching.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # EIO: nobody holds the other end any more
            while piece := os.read(ours, 1 << 16):
                shown += piece
        assert watching.wait(30) == 130
    finally:
        watching.kill()
        watching.wait()
        os.close(ours)
    assert b"1 of 1" in shown
    assert b"\x1b[?25h" in shown


def test_retry_codes_without_retries_are_refused(user: CommandLine):
    _write(user, "")

    assert "--retry-on needs --retry" in user.cli("submit", "train.py", "--retry-on", "3", code=2).err
    assert json.loads(user.cli("ps", "--all", "--json").out) == []
