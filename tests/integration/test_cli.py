"""The command line against a real server: from a quickstart to its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.server import RealServer, until

SCRIPT = """import os, sys, time
from amlet.sdk import Run
print("begins", sys.argv[1:], os.environ.get("WORD"), flush=True)
Run.get_context().log("Accuracy", 0.5)
if "wait" in sys.argv:
    while True:
        time.sleep(0.05)
sys.exit(int(sys.argv[-1]))
"""


class Cli:
    """`amlet` as a user of one home calls it."""

    def __init__(self, server: RealServer, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "import sys; from amlet.cli.main import main; sys.exit(main())", *arguments]

    def __call__(self, *arguments: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.server.variables(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What the command says as JSON; nothing else is on stdout."""
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def detached(self, *arguments: str) -> str:
        """The id of a run that goes on."""
        return self("submit", "train.py", "--detach", "--", *arguments).stdout.strip()

    def status(self, run_id: str) -> str:
        return str(self.json("show", run_id)["run"]["status"])


@pytest.fixture
def cli(shared_server: RealServer, tmp_path: Path) -> Cli:
    folder = tmp_path / "a folder's name, ünïcode"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    return Cli(shared_server, folder)


@pytest.fixture
def alone() -> Iterator[Cli]:
    """With a home where nothing runs yet."""
    with tempfile.TemporaryDirectory(prefix="amlet-") as text:
        server = RealServer(Path(text) / "home")
        folder = Path(text) / "work"
        folder.mkdir()
        (folder / "train.py").write_text(SCRIPT)
        try:
            yield Cli(server, folder)
        finally:
            server.close()


def test_a_quickstart_comes_to_a_prediction_and_may_be_run_again(cli: Cli):
    told = cli.json("quickstart")
    assert told["accuracy"] > 0.9
    assert told["prediction"] == 0
    asked = urllib.request.Request(
        told["scoring_uri"], b'{"data": [[6.7, 3.0, 5.2, 2.3]]}', {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked) as answer:
        assert json.load(answer) == {"predict": [2]}
    with urllib.request.urlopen(told["url"]) as page:
        assert page.status == 200

    script = cli.folder / "amlet-quickstart" / "train_iris.py"
    script.write_text("# of my own\n" + script.read_text())
    again = cli("quickstart")
    assert "Kept your own train_iris.py" in again.stderr
    for stage in ("submit", "prepare", "scale", "run", "finish", "register", "deploy", "predict"):
        assert f"✓ {stage} " in again.stderr
    assert "accuracy    0.9" in again.stdout
    assert cli.server.token not in again.stdout + again.stderr


def test_submit_streams_and_ends_with_the_scripts_code(cli: Cli):
    done = cli(
        "submit", "train.py", "-e", "WORD=x y", "--tag", "a=b", "-n", "mine", "--", "--kernel", "it's", "3", code=3
    )
    assert done.stdout == "begins ['--kernel', \"it's\", '3'] x y\n"
    assert "✓ prepare" in done.stderr
    assert "✗ run" in done.stderr
    assert "hint: `amlet logs train_" in done.stderr
    run = cli.json("show", "latest")["run"]
    assert (run["display_name"], run["tags"], run["status"]) == ("mine", {"a": "b"}, "Failed")


def test_submit_tells_the_same_as_json_lines(cli: Cli):
    lines = [json.loads(line) for line in cli("submit", "train.py", "--json", "--", "0").stdout.splitlines()]
    assert [line["event"] for line in lines if line["event"] != "log"] == ["submitted", *["stage"] * 5, "ended"]
    assert "".join(line["text"] for line in lines if line["event"] == "log").startswith("begins")
    assert lines[-1]["exit_code"] == 0
    assert lines[-1]["metrics"] == {"Accuracy": 0.5}


def test_a_detached_run_is_listed_shown_followed_and_canceled(cli: Cli):
    run_id = cli.detached("wait")
    until(lambda: cli.status(run_id) == "Running", what="the run's start")
    assert run_id in [run["id"] for run in cli.json("ps")]
    assert run_id in cli("ps").stdout

    following = subprocess.Popen(
        cli.argv("logs", "-f", run_id[-6:]),
        cwd=cli.folder,
        env=cli.server.variables(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout is not None
    assert following.stdout.readline().startswith("begins ['wait']")
    assert cli.json("cancel", run_id)[0]["run"] == run_id
    assert following.wait(60) == 0
    following.stdout.close()

    assert cli.status(run_id) == "Canceled"
    assert run_id not in [run["id"] for run in cli.json("ps")]
    assert run_id in [run["id"] for run in cli.json("ps", "--all")]
    assert cli.json("cancel", run_id)[0]["was_over"] is True


def test_ctrl_c_leaves_the_run_and_ends_with_130(cli: Cli):
    submitting = subprocess.Popen(
        cli.argv("submit", "train.py", "--", "wait"),
        cwd=cli.folder,
        env=cli.server.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert submitting.stdout is not None
    assert submitting.stdout.readline().startswith("begins")
    submitting.send_signal(signal.SIGINT)
    _, told = submitting.communicate(timeout=60)
    assert submitting.returncode == 130
    assert "goes on" in told
    run = cli.json("ps")[0]
    assert run["id"] in told
    cli("cancel", run["id"])


def test_logs_give_the_last_lines_and_say_when_there_are_none(cli: Cli):
    (cli.folder / "many.py").write_text("for number in range(5000): print('line', number)\n")
    assert cli("submit", "many.py").stdout.count("\n") == 5000
    assert cli("logs", "latest", "--tail", "2").stdout == "line 4998\nline 4999\n"
    assert cli("logs", "latest").stdout.count("\n") == 5000
    assert json.loads(cli("logs", "latest", "--tail", "1", "--json").stdout) == {"text": "line 4999\n"}


def test_a_reader_that_leaves_is_no_fault(cli: Cli):
    (cli.folder / "many.py").write_text("print('x' * 5_000_000)\n")
    cli("submit", "many.py")
    reading = subprocess.Popen(
        cli.argv("logs", "latest"),
        cwd=cli.folder,
        env=cli.server.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert reading.stdout is not None
    assert reading.stderr is not None
    reading.stdout.read(1)
    reading.stdout.close()
    reading.wait(60)
    assert reading.stderr.read() == b""
    reading.stderr.close()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["show", "nope"], 'No run "nope"'),
        (["submit", "nope.py"], "nope.py"),
        (["submit", "train.py", "--conda", "nope.yml"], "nope.yml"),
        (["submit", "train.py", "--env", "AzureML-Tutoral"], "did you mean"),
        (["submit", "train.py", "--target", "cpu-clustr", "--", "0"], "cpu-clustr"),
        (["ps", "-w", "no-such-workspace"], "no-such-workspace"),
        (["server", "run", "--host", "0.0.0.0"], "--behind-tls"),
    ],
)
def test_bad_input_is_one_error(cli: Cli, given: list[str], told: str):
    assert told in cli(*given, code=1).stderr


def test_the_studio_link_is_good_once_and_holds_no_token(cli: Cli):
    link = cli("studio", "--no-open").stdout.strip()
    assert cli.server.token not in link
    with urllib.request.urlopen(link) as page:
        assert page.status == 200
        assert page.headers["Set-Cookie"].startswith("amlet_")
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(link):
        pass
    refused.value.close()


def test_the_token_is_shown_only_when_asked_for(cli: Cli):
    assert cli.server.token not in cli("server", "status").stdout
    assert cli.json("server", "status", "--show-token")["token"] == cli.server.token


def test_doctor_finds_what_is_at_hand(cli: Cli):
    cli.server.home.root.chmod(0o700)
    names = {check["name"]: check for check in cli.json("doctor")}
    assert names["server"]["good"]
    assert f"{sys.version_info[0]}.{sys.version_info[1]}." in names["Pythons"]["told"]


def test_a_server_is_started_told_and_ended_with_all_that_it_started(alone: Cli):
    assert alone.json("server", "status", code=1) == {"running": False, "home": str(alone.server.home.root)}
    started = alone.json("server", "start")
    assert alone.json("server", "start")["pid"] == started["pid"]
    run_id = alone.detached("wait")
    until(lambda: alone.status(run_id) == "Running", what="the run's start")
    assert "amlet server stop --cancel-runs" in alone("server", "stop", code=1).stderr
    assert alone.json("server", "stop", "--cancel-runs") == {"stopped": True, "pid": started["pid"]}
    until(lambda: not alone.server.marked(), seconds=20, what="the end of all processes of the home")
    assert alone.json("server", "stop") == {"stopped": False, "pid": None}
    until(lambda: alone.status(run_id) == "Canceled", what="the run's end, told by the next server")


def test_a_server_runs_in_the_foreground_until_ctrl_c(alone: Cli):
    running = subprocess.Popen(
        alone.argv("server", "run", "--json"),
        cwd=alone.folder,
        env=alone.server.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    told = json.loads(running.stdout.readline())
    assert alone.json("server", "status")["url"] == told["url"]
    assert "is running already" in alone("server", "run", code=1).stderr
    os.kill(running.pid, signal.SIGINT)
    running.communicate(timeout=60)
    assert alone.json("server", "status", code=1)["running"] is False
