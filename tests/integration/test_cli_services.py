"""`amlet deploy` and `amlet services` on a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amlet.domain.deployment import Capture
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.model import Resources
from amlet.wire.services import VersionQuery
from support.cli import START, CommandLine
from support.server import RealServer, until
from support.services import ask, with_key

SCRIPT = "import os\ndef init(): print('the first words')\ndef run(data): return [data, os.environ.get('WORD')]\n"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, shared_server: RealServer) -> CommandLine:
    folder = tmp_path_factory.mktemp("cli services")
    (folder / "score.py").write_text(SCRIPT)
    (folder / "requirements.txt").write_text("wheel\n")
    sources = folder / "the sources"
    sources.mkdir()
    (sources / "main.py").write_text("import beside\ndef init(): pass\ndef run(data): return beside.WORD\n")
    (sources / "beside.py").write_text("WORD = 'beside'\n")
    return CommandLine(shared_server, "cli-services", folder)


PACKAGES = ("--pip", "requirements.txt")


def test_a_script_is_deployed_called_changed_and_deleted(line: CommandLine) -> None:
    marks = ("-e", "WORD=one", "--tag", "team=a", "--tag", "b")
    told = line.cli("deploy", "words", "--script", "score.py", *PACKAGES, *marks)
    address = told.out.strip()
    assert address.startswith("http://127.0.0.1:") and address.endswith("/score")
    assert line.json("services", "call", "words", "hello") == ["hello", "one"]
    assert "there already" in line.cli("deploy", "words", "--script", "score.py", *PACKAGES, code=1).err

    assert "at revision 2: Healthy" in line.cli("services", "update", "words", "-e", "WORD=two").out
    until(lambda: line.json("services", "call", "words", "x") == ["x", "two"], what="the change")
    (line.folder / "score.py").write_text(SCRIPT.replace("[data", "['anew', data"))
    assert line.json("services", "update", "words", "--script", "score.py", "--replicas", "2")["revision"] == 3
    until(lambda: line.json("services", "call", "words", "x") == ["anew", "x", "two"], what="the script as it is now")
    shown = line.cli("services", "show", "words").out
    assert "2 of 2" in shown and "score.py" in shown and "team=a" in shown and "all on this machine" in shown
    (row,) = line.json("services", "list")
    assert (row["name"], row["state"], row["deployment"]["replicas"]) == ("words", "Healthy", 2)
    assert "score.py" in line.cli("services", "list").out
    assert "the first words" in until(lambda: line.cli("services", "logs", "words").out, what="its log")
    assert line.json("services", "delete", "words") == {"deleted": "words", "version": None}
    assert line.json("services", "list") == []


def test_a_folder_of_sources_goes_along(line: CommandLine) -> None:
    line.cli("deploy", "folder", "--script", "main.py", "--source", "the sources", *PACKAGES)
    assert line.json("services", "call", "folder", "x") == "beside"
    line.cli("services", "delete", "folder")


def test_v1s_files_deploy_as_they_did(line: CommandLine) -> None:
    packages = {"condaDependencies": {"dependencies": [{"pip": ["wheel"]}]}}
    environment = {"name": "of-file", "environmentVariables": {"WORD": "filed"}, "python": packages}
    inference = {"entryScript": "main.py", "sourceDirectory": "the sources", "environment": environment}
    deployment = {"computeType": "aks", "numReplicas": 1, "maxQueueWaitMs": 700, "keys": {"primaryKey": "the-first"}}
    (line.folder / "ic.json").write_text(json.dumps(inference))
    (line.folder / "filed.py").write_text(SCRIPT)
    (line.folder / "dc.yml").write_text(json.dumps(deployment))
    line.cli("deploy", "filed", "--inference-config-file", "ic.json", "--deploy-config-file", "dc.yml", "--cpu", "1")
    service = line.client.services.get(line.workspace_id, "filed")
    asked = service.deployment
    assert (asked.kind, asked.auth, asked.max_wait_ms, asked.scoring_timeout_ms) == ("aks", "key", 700, 60000)
    assert asked.resources == Resources(cpu=1.0) and asked.environment and asked.environment.pip == ["wheel"]
    assert ask(service.address, **with_key("the-first")) == (200, "beside")

    registered = EnvironmentSpec("kept", pip=["wheel"], variables={"WORD": "kept"})
    line.client.environments.register(line.workspace_id, registered)
    (line.folder / "ic.json").write_text(json.dumps({"entryScript": "filed.py", "environment": {"name": "kept"}}))
    line.cli("services", "update", "filed", "--ic", "ic.json")
    until(lambda: ask(service.address, **with_key("the-first")) == (200, ["x", "kept"]), what="the script of the file")
    told = line.cli("services", "update", "filed", "--ic", "ic.json", "--script", "score.py", code=1).err
    assert "--script and --source go without it" in told
    line.client.services.delete(line.workspace_id, "filed", VersionQuery())


def test_how_much_is_captured_is_asked_for(line: CommandLine) -> None:
    options = ("--capture", "25", "--capture-days", "7", "--capture-gb", "0.5")
    line.cli("deploy", "captured", "--script", "score.py", *PACKAGES, "--detach", *options)
    asked = line.client.services.get(line.workspace_id, "captured").deployment
    assert asked.capture == Capture(True, True, 0.25, keep_days=7, keep_bytes=1 << 29)
    line.client.services.delete(line.workspace_id, "captured", VersionQuery())


def test_keys_are_shown_and_turned_over(line: CommandLine) -> None:
    line.cli("deploy", "shut", "--script", "score.py", *PACKAGES, "--auth", "key")
    address = line.json("services", "show", "shut")["address"]
    before = line.json("services", "keys", "shut")
    assert line.json("services", "call", "shut", "x")[-2:] == ["x", None]
    after = line.json("services", "keys", "shut", "--regenerate", "secondary")
    assert (before["primary"], before["secondary"] != after["secondary"]) == (after["primary"], True)
    until(lambda: ask(address, **with_key(after["secondary"]))[0] == 200, what="the fresh key")
    assert after["primary"] in line.cli("services", "keys", "shut").out
    shown = line.cli("services", "show", "shut").out + line.cli("services", "show", "shut", "--json").out
    assert after["primary"] not in shown and "by key" in shown
    line.cli("services", "update", "shut", "--auth", "token")
    assert line.json("services", "keys", "shut")["token"].startswith("amlst1.")
    line.cli("services", "delete", "shut")


def test_versions_of_an_endpoint_and_their_traffic(line: CommandLine) -> None:
    line.cli("deploy", "shop", "--version", "blue", "--script", "score.py", *PACKAGES)
    line.cli("deploy", "shop", "--version", "green", "--traffic", "25", "--script", "score.py", *PACKAGES)

    def split(*more: str) -> list[tuple[object, ...]]:
        rows = line.json("services", "traffic", "shop", *more)
        return [(row["version"], row["traffic"], row["is_default"]) for row in rows]

    assert split() == [("blue", 0, True), ("green", 25, False)]
    assert split("green=90", "--default", "green") == [("blue", 0, False), ("green", 90, True)]
    assert "more than 100" in line.cli("services", "traffic", "shop", "green=60", "blue=60", code=1).err
    assert "is not a percentage" in line.cli("services", "traffic", "shop", "green=many", code=2).err
    shown = line.cli("services", "show", "shop").out
    assert "endpoint" in shown and "90 %, and what is left over" in shown
    assert [one["version"] for one in line.json("services", "show", "shop")["versions"]] == ["blue", "green"]
    assert "the default" in line.cli("services", "delete", "shop", "--version", "green", code=1).err
    line.cli("services", "delete", "shop", "--version", "blue")
    line.cli("services", "delete", "shop")


def test_a_script_that_fails_is_told_with_its_traceback(line: CommandLine) -> None:
    (line.folder / "bad.py").write_text("def init(): raise KeyError('weights')\ndef run(data): pass\n")
    told = line.on_terminal("deploy", "failing", "--script", "bad.py", *PACKAGES, says="", code=1)
    assert "init() of bad.py raised: KeyError" in told and "bad.py" in told and "services logs failing" in told
    line.cli("services", "delete", "failing")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--script", "nowhere.py"], "nowhere.py"),
        (["--source", "the sources"], "--source needs --script"),
        (["--script", "score.py", "--replicas", "2", "--autoscale", "1:2"], "cannot be given together"),
        (["--script", "score.py", "--autoscale", "many"], "is not MIN:MAX"),
        (["--script", "score.py", "--pip", "requirements.txt", "--conda", "x.yml"], "cannot be given together"),
        (["--script", "score.py", "--capture-days", "3"], "need --capture"),
        (["-m", "no-such-model"], "no-such-model"),
        ([], "You must provide an InferenceConfig"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_sentence(line: CommandLine, options: list[str], says: str) -> None:
    told = line.cli("deploy", "never", *options, code=1)
    assert says in told.err
    assert "never" not in line.cli("services", "list").out


def test_a_log_is_followed_until_ctrl_c(line: CommandLine) -> None:
    line.cli("deploy", "followed", "--script", "score.py", *PACKAGES)
    out = line.folder / "followed.txt"
    with out.open("wb") as file:
        arguments = [sys.executable, "-c", START, "services", "logs", "-f", "followed", "-w", line.name, "--json"]
        process = subprocess.Popen(arguments, cwd=line.folder, env=line.server.variables(), stdout=file)
    try:
        until(lambda: "the first words" in out.read_text(), what="what was printed before")
        line.cli("services", "call", "followed", "x")
        until(lambda: "POST /score 200" in out.read_text(), what="what was printed since")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait()
    pieces = [json.loads(text) for text in Path(out).read_text().splitlines()]
    assert {piece["event"] for piece in pieces} == {"log"}
    line.cli("services", "delete", "followed")
