"""A machine over SSH: a real sshd on loopback, whose nodes have a folder of their own and a bare Python."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from amlet.client.connection import Client
from amlet.client.datastore_files import DatastoreFiles, ToUpload
from amlet.compute import ssh
from amlet.compute.bundle import node_bundle
from amlet.compute.ssh import SshEngine
from amlet.compute.ssh_program import Access
from amlet.domain.compute import REMOTE, Credentials, Node, RemoteMachine
from amlet.domain.data import INPUT_PLACEHOLDER, MOUNT, OUTPUT_PLACEHOLDER, S3, DataPath, JobInput, JobOutput
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job, Share
from amlet.domain.run import Run
from amlet.wire.computes import ComputeNode, CreateCompute
from amlet.wire.data import CreateDatastore
from amlet.wire.files import FileQuery
from amlet.wire.runs import RunQuery, SubmitRun
from amlet.wire.server import StopServer
from support.faults import SlowIndex
from support.runs import finish, submit_script, workspace_id
from support.s3_server import s3_server
from support.scripts import run_script
from support.server import RealServer, until
from support.sshd import MISSING, Sshd

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

WAITS = """
import os, pathlib, time
from azureml.core import Run
run = Run.get_context()
run.log("value", 1)
print("began", flush=True)
while not pathlib.Path({flag!r}).exists():
    time.sleep(0.02)
run.log("value", 2)
os.makedirs("outputs", exist_ok=True)
open("outputs/kept.txt", "w").write("kept")
print("siblings", len(list(run.experiment.get_runs())))
"""

PAGE = """
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import ComputeTarget, RemoteCompute
import json, sys

port, user, key = sys.argv[1:4]
ws = Workspace("s", "g", "remote")
config = RemoteCompute.attach_configuration(
    username=user, address="127.0.0.1", ssh_port=int(port), private_key_file=key, private_key_passphrase=""
)
far = ComputeTarget.attach(ws, "far", config)
far.wait_for_completion(show_output=True)
env = Environment("own")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
run = Experiment(ws, "far").submit(ScriptRunConfig(".", "train.py", compute_target=far, environment=env))
run.wait_for_completion(show_output=True)
print(json.dumps([run.get_status(), run.get_metrics(), sorted(run.get_file_names())]))
ComputeTarget(ws, "far").detach()
"""

TRAIN = """
import os
from azureml.core import Run
run = Run.get_context()
run.log("accuracy", 0.5)
os.makedirs("outputs", exist_ok=True)
open("outputs/model.txt", "w").write("model")
print("home", os.environ["AMLET_HOME"])
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: sockets lie below it."""
    with tempfile.TemporaryDirectory(prefix="amlet-") as made:
        yield Path(made)


@pytest.fixture
def sshd(folder: Path) -> Iterator[Sshd]:
    machine = Sshd(folder)
    try:
        yield machine.start()
    finally:
        machine.close()


@pytest.fixture
def index() -> Iterator[SlowIndex]:
    found = SlowIndex()
    yield found
    found.close()


def _attach(client: Client, sshd: Sshd, **changes: object) -> str:
    """Attach the machine as `far`; returns the workspace's id."""
    workspace = workspace_id(client)
    given = {"key": sshd.key, "phrase": None, "password": None, "port": sshd.port, **changes}
    machine = RemoteMachine("127.0.0.1", given["port"], sshd.user, "password" if given["password"] else "key")  # type: ignore[arg-type]
    credentials = Credentials(password=given["password"])  # type: ignore[arg-type]
    if not given["password"]:
        credentials = Credentials(private_key=given["key"], passphrase=given["phrase"])  # type: ignore[arg-type]
    client.computes.create(workspace, "far", CreateCompute(REMOTE, "", remote=machine, credentials=credentials))
    return workspace


def _waiting(client: Client, folder: Path) -> tuple[Run, Path]:
    """A run on `far` that goes on until a file is there."""
    flag = folder / "go on"
    return submit_script(client, folder / "waits", WAITS.format(flag=str(flag)), target="far"), flag


def _running(client: Client, run: Run) -> None:
    def look() -> bool:
        found = client.runs.get(run.workspace_id, run.id).run
        assert not found.is_over, found.error
        return found.status == "Running" and "began" in _log(client, run)

    until(look, what="the script's start")


def _log(client: Client, run: Run) -> str:
    return _file(client, run, "user_logs/std_log.txt")


def _file(client: Client, run: Run, path: str) -> str:
    details = client.runs.get(run.workspace_id, run.id)
    if path not in [file.path for file in details.files]:
        return ""
    with client.runs.file(run.workspace_id, run.id, FileQuery(path)) as body:
        return body.read().decode()


def _why(client: Client, run: Run, part: str) -> str:
    """What the run waits for, once that says this."""

    def look() -> str | None:
        told = client.runs.get(run.workspace_id, run.id).run.waiting_for or ""
        return told if part in told else None

    return until(look, what=f"a reason with {part!r}")


def _node(client: Client, workspace: str) -> ComputeNode:
    return until(lambda: client.computes.nodes(workspace, "far").nodes, what="a node")[0]


def _links(server: RealServer) -> list[int]:
    """The ssh processes of the server."""
    found = []
    for pid in server.marked():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "ssh":
                found.append(pid)
    return found


def _but_warm_parents(sshd: Sshd) -> list[int]:
    """The processes there but those that wait for the next run to fork it."""
    found = []
    for pid in sshd.processes():
        with contextlib.suppress(OSError):
            if b"\0warm:" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def _remote_pid(sshd: Sshd) -> int:
    def look() -> int | None:
        for noted in sshd.root.glob("*/nodes/*/process.json"):
            pid = int(json.loads(noted.read_text())["pid"])
            if pid in sshd.processes():
                return pid
        return None

    return until(look, what="the node's process there")


def test_a_v1_script_attaches_a_machine_runs_on_it_and_detaches_it(fresh_server: RealServer, sshd: Sshd, tmp_path):
    (tmp_path / "page.py").write_text(PAGE)
    (tmp_path / "train.py").write_text(TRAIN)

    ended = run_script(tmp_path, "page.py", fresh_server.home.root, str(sshd.port), sshd.user, str(sshd.folder / "key"))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    status, metrics, files = json.loads(ended.stdout.splitlines()[-1])
    assert (status, metrics) == ("Completed", {"accuracy": 0.5})
    assert {"outputs/model.txt", "user_logs/std_log.txt"} <= set(files)
    assert f"home {sshd.root}" in ended.stdout
    until(lambda: not sshd.processes(), seconds=20, what="the end of the node of a machine that was detached")
    until(lambda: not _links(fresh_server), what="the end of the link")


def test_a_job_there_speaks_to_the_server_by_the_nodes_link(fresh_server: RealServer, sshd: Sshd, tmp_path):
    client = fresh_server.client()
    workspace = _attach(client, sshd)
    run, flag = _waiting(client, tmp_path)
    _running(client, run)
    flag.touch()

    ended = finish(client, run)

    assert (ended.status, ended.attempt) == ("Completed", 1)
    assert "siblings 0" in _log(client, run)
    assert client.runs.metrics(workspace, run.id, RunQuery()).values == {"value": [1, 2]}
    assert _node(client, workspace).address == "127.0.0.1"


def test_data_that_is_elsewhere_comes_and_goes_by_the_link(fresh_server: RealServer, sshd: Sshd, tmp_path):
    client = fresh_server.client()
    workspace = _attach(client, sshd)
    (tmp_path / "a.txt").write_text("given")
    with s3_server() as address:
        settings = {"bucket": "far", "access_key_id": "id", "endpoint_url": address}
        asked = CreateDatastore(S3, settings, {"secret_access_key": "key"}, create_if_not_exists=True)
        client.datastores.create(workspace, "bucket", asked)
        files = DatastoreFiles(client, workspace, tmp_path / "cache")
        files.upload("bucket", [ToUpload(tmp_path / "a.txt", "given/a.txt")])
        text = """
import os, sys
place = sys.argv[1] + "/a.txt"
print(open(place).read(), os.path.realpath(place).startswith(os.environ["AMLET_HOME"]))
open(sys.argv[2] + "/made.txt", "w").write("made")
"""
        run = submit_script(
            client,
            tmp_path / "source",
            text,
            target="far",
            arguments=[INPUT_PLACEHOLDER + "given", OUTPUT_PLACEHOLDER + "made"],
            inputs=[JobInput("given", MOUNT, [DataPath("bucket", "given")])],
            outputs=[JobOutput("made", MOUNT, DataPath("bucket", "made"))],
        )
        ended = finish(client, run)
        assert (ended.status, ended.error) == ("Completed", None), _log(client, run)
        assert "given True" in _log(client, run)
        (made,) = files.list("bucket", "made")
        assert files.open_local("bucket", made).read_text() == "made"


def test_the_environment_is_built_there_by_a_uv_that_was_brought_along(
    fresh_server: RealServer, folder: Path, index: SlowIndex, tmp_path
):
    fresh_server.terminate()
    fresh_server.start(UV_DEFAULT_INDEX=index.url, UV_CACHE_DIR=str(tmp_path / "cache"))
    client = fresh_server.client()
    machine = Sshd(folder, UV_DEFAULT_INDEX=index.url, UV_CACHE_DIR=str(folder / "cache"))
    try:
        workspace = _attach(client, machine.start())
        minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
        run = _submit(client, workspace, tmp_path, EnvironmentSpec("tiny", python=minor, pip=["tiny"]))

        ended = finish(client, run)

        assert ended.status == "Completed", ended.error
        assert str(machine.root) in _log(client, run)
        assert list(machine.root.glob("*/environments/builds/*/lib/python*/site-packages/tiny.py"))
        assert list(machine.root.glob("uv/*/uv"))
        assert not list(fresh_server.home.environments.glob("builds/*/bin"))  # it runs nowhere here
        prepared = _file(client, run, "azureml-logs/65_job_prep.txt")
        assert "tiny==" in prepared and prepared.splitlines()[-1].startswith("Ready after ")
        prepare, _, script = ended.stages[1:4]
        assert str(prepare.detail).endswith(", built where it runs") and ", built in " in str(script.detail)
    finally:
        machine.close()


def test_an_interpreter_that_its_user_manages_is_the_one_of_the_machine_that_runs_it(
    fresh_server: RealServer, folder: Path, tmp_path
):
    name = "python-of-that-machine"
    (folder / "bin").mkdir()
    (folder / "bin" / name).write_text(f'#!/bin/sh\nTHERE=yes exec {sys.executable} "$@"\n')
    (folder / "bin" / name).chmod(0o755)
    client = fresh_server.client()
    machine = Sshd(folder, PATH=f"{folder / 'bin'}:{os.environ['PATH']}")
    try:
        workspace = _attach(client, machine.start())
        spec = EnvironmentSpec("theirs", user_managed=True, interpreter=name)
        text = "import os\nprint('there', os.environ['THERE'])\n"
        for _ in range(2):  # the second finds it resolved
            ended = finish(client, _submit(client, workspace, tmp_path, spec, text))
            assert ended.status == "Completed", ended.error
            assert _log(client, ended).strip() == "there yes"
            text += "\n"

        here = submit_script(client, tmp_path / "here", text, environment=spec)
        assert f"There is no interpreter '{name}' on this machine" in str(finish(client, here).error)
    finally:
        machine.close()


def _submit(
    client: Client,
    workspace: str,
    folder: Path,
    environment: EnvironmentSpec,
    text: str = "import tiny\nprint(tiny.NUMBER, tiny.__file__)\n",
) -> Run:
    from amlet.client.snapshot import scan
    from amlet.client.uploads import sources_of, submit_with_blobs

    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "train.py").write_text(text)
    snapshot = scan(source)
    asked = SubmitRun(
        "far", Job(environment, "", script="train.py", target="far"), snapshot.entries, f"{folder} {len(text)}"
    )
    answer = submit_with_blobs(
        lambda: client.runs.submit(workspace, asked), client, workspace, sources_of(source, snapshot.entries)
    )
    assert answer.run is not None
    return answer.run


def test_a_wrong_key_is_the_reason_that_runs_wait_with_until_the_right_one_is_attached(
    fresh_server: RealServer, sshd: Sshd, tmp_path
):
    client = fresh_server.client()
    workspace = _attach(client, sshd, key=sshd.make_key("wrong"))
    run, flag = _waiting(client, tmp_path)
    flag.touch()

    told = _why(client, run, "refuses the key")

    assert f"{sshd.user}@127.0.0.1:{sshd.port} refuses the key: Permission denied (publickey" in told
    assert "attach it again" in told
    assert "refuses the key" in str(_node(client, workspace).trouble)
    _attach(client, sshd)
    assert finish(client, run).status == "Completed"
    until(lambda: _node(client, workspace).trouble is None, what="the end of the trouble")


def test_a_machine_that_is_not_there_is_the_reason_that_runs_wait_with(fresh_server: RealServer, sshd: Sshd, tmp_path):
    sshd.stop()
    client = fresh_server.client()
    workspace = _attach(client, sshd)
    run, flag = _waiting(client, tmp_path)
    flag.touch()

    assert "Connection refused" in _why(client, run, f"127.0.0.1:{sshd.port} cannot be reached")
    client.runs.cancel(workspace, run.id)
    assert finish(client, run).status == "Canceled"


def test_another_host_key_than_before_is_refused_and_told(fresh_server: RealServer, sshd: Sshd, tmp_path):
    client = fresh_server.client()
    _attach(client, sshd)
    fresh_server.home.ssh.mkdir(exist_ok=True)
    other = (sshd.folder / "key.pub").read_text().split()[1]
    known = fresh_server.home.ssh / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} ssh-ed25519 {other}\n")
    run, _ = _waiting(client, tmp_path)

    told = _why(client, run, "another host key than before")

    assert f'ssh-keygen -f "{known}" -R "[127.0.0.1]:{sshd.port}"' in told


def test_a_machine_without_a_python_that_nodes_run_in_is_told(fresh_server: RealServer, folder: Path, tmp_path):
    client = fresh_server.client()
    machine = Sshd(folder, PATH=str(folder / "nothing"), HOME=str(folder))
    try:
        _attach(client, machine.start())
        run, _ = _waiting(client, tmp_path)

        assert "apt-get install python3" in _why(client, run, "has no Python 3.10 or newer")
    finally:
        machine.close()


def test_a_machine_that_forbids_forwarding_is_told(fresh_server: RealServer, folder: Path, tmp_path):
    client = fresh_server.client()
    machine = Sshd(folder, settings={"AllowStreamLocalForwarding": "no"})
    try:
        _attach(client, machine.start())
        run, _ = _waiting(client, tmp_path)

        assert "AllowStreamLocalForwarding" in _why(client, run, "lets nothing be forwarded")
    finally:
        machine.close()


def test_a_key_with_a_phrase_opens_and_no_secret_stays_on_the_disk_or_stands_in_a_command_line(
    fresh_server: RealServer, sshd: Sshd, tmp_path
):
    phrase = "a 'secret' \"phrase\" of mine"
    key = sshd.make_key("locked", phrase=phrase)
    sshd.allow("locked")
    client = fresh_server.client()
    _attach(client, sshd, key=key, phrase=phrase)
    run, flag = _waiting(client, tmp_path)
    _running(client, run)

    command_lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (*fresh_server.marked(), *sshd.processes())]

    links = _links(fresh_server)
    assert len(links) == 1
    assert not any(b"secret" in line or b"AMLET_NODE_TOKEN" in line for line in command_lines)
    assert os.listdir(fresh_server.home.ssh) and not list(fresh_server.home.ssh.glob("sign-in-*"))
    for path in fresh_server.home.root.rglob("*"):
        if path.is_file() and fresh_server.home.sdk not in path.parents:
            data = path.read_bytes()
            assert phrase.encode() not in data and key.splitlines()[1].encode() not in data, path
    flag.touch()
    assert finish(client, run).status == "Completed"


def test_a_password_signs_in(fresh_server: RealServer, folder: Path, tmp_path):
    password = "pass word'\"$x"
    machine = _with_password(folder, password)
    try:
        client = fresh_server.client()
        workspace = _attach(client, machine, password="not it")
        run, flag = _waiting(client, tmp_path)
        flag.touch()
        assert "Permission denied" in _why(client, run, "refuses the password")

        _attach(client, machine, password=password)

        assert finish(client, run).status == "Completed"
        until(lambda: _node(client, workspace).trouble is None, what="the end of the trouble")
    finally:
        machine.close()


def _with_password(folder: Path, password: str) -> Sshd:
    """An sshd that alone sees another password of this user's: in a mount namespace with a shadow file of its own."""
    hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True)
    machine = Sshd(folder, settings={"PasswordAuthentication": "yes", "PubkeyAuthentication": "no"})
    shadow = folder / "shadow"
    try:
        lines = Path("/etc/shadow").read_text().splitlines()
        own = [line for line in lines if not line.startswith(f"{machine.user}:")]
        shadow.write_text("\n".join([f"{machine.user}:{hashed.stdout.strip()}:19000:0:99999:7:::", *own]) + "\n")
        shadow.chmod(0o600)
        machine.before = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/shadow && exec "$@"', str(shadow)]
        subprocess.run([*machine.before, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no private mounts on this machine")
    return machine.start()


@pytest.mark.parametrize(
    "which", ["the ssh process here", pytest.param("the link there", marks=pytest.mark.every_fault)]
)
def test_a_link_that_is_cut_in_mid_run_is_made_again_and_the_run_never_notices(
    which: str, fresh_server: RealServer, sshd: Sshd, tmp_path
):
    client = fresh_server.client()
    _attach(client, sshd)
    run, flag = _waiting(client, tmp_path)
    _running(client, run)
    pid, before = _remote_pid(sshd), _links(fresh_server)

    if which == "the ssh process here":
        for link in before:
            os.kill(link, signal.SIGKILL)
    else:
        sshd.cut()
    until(lambda: _links(fresh_server) and _links(fresh_server) != before, what="another link")
    flag.touch()

    ended = finish(client, run)
    assert (ended.status, ended.attempt) == ("Completed", 1)
    assert _remote_pid(sshd) == pid


def test_a_killed_node_there_is_replaced_and_its_script_adopted(fresh_server: RealServer, sshd: Sshd, tmp_path):
    client = fresh_server.client()
    _attach(client, sshd)
    run, flag = _waiting(client, tmp_path)
    _running(client, run)
    pid = _remote_pid(sshd)

    os.kill(pid, signal.SIGKILL)
    until(lambda: _remote_pid(sshd) != pid, what="another node")
    flag.touch()

    ended = finish(client, run)
    assert (ended.status, ended.attempt) == ("Completed", 1)


@pytest.mark.parametrize("end", [RealServer.terminate, pytest.param(RealServer.kill, marks=pytest.mark.every_fault)])
def test_a_server_that_was_started_again_finds_its_node(
    end: Callable[[RealServer], None], fresh_server: RealServer, sshd: Sshd, tmp_path
):
    _attach(fresh_server.client(), sshd)
    run, flag = _waiting(fresh_server.client(), tmp_path)
    _running(fresh_server.client(), run)
    pid, links = _remote_pid(sshd), _links(fresh_server)

    end(fresh_server)
    fresh_server.start()
    until(lambda: _links(fresh_server) and not set(links) & set(_links(fresh_server)), what="a link of its own")
    flag.touch()

    ended = finish(fresh_server.client(), run)
    assert (ended.status, ended.attempt) == ("Completed", 1)
    assert _remote_pid(sshd) == pid


def test_the_end_of_the_server_ends_its_nodes_and_their_scripts_there(fresh_server: RealServer, sshd: Sshd, tmp_path):
    client = fresh_server.client()
    _attach(client, sshd)
    run, _ = _waiting(client, tmp_path)
    _running(client, run)
    sockets = {*Path("/tmp").glob("amlet-*.sock")} - {link.readlink() for link in sshd.root.glob("*/*.sock")}

    client.server.stop(StopServer(cancel_runs=True))

    assert fresh_server.process is not None
    fresh_server.process.wait(30)
    assert sshd.processes() == []
    assert fresh_server.marked() == []
    assert set(Path("/tmp").glob("amlet-*.sock")) <= sockets


@pytest.mark.every_fault
def test_a_machine_that_is_cut_off_for_longer_than_the_lease_loses_its_run_and_ends_the_script(
    fresh_server: RealServer, sshd: Sshd, tmp_path
):
    client = fresh_server.client()
    workspace = _attach(client, sshd)
    run, flag = _waiting(client, tmp_path)
    _running(client, run)
    pid = _remote_pid(sshd)

    sshd.stop()
    ended = finish(client, run)

    assert ended.status == "Failed"
    assert "was lost while the script ran" in str(ended.error)
    assert "Connection refused" in str(_node(client, workspace).trouble)
    sshd.start()
    until(lambda: _but_warm_parents(sshd) == [pid], what="the end of the script, and nothing else")
    flag.touch()
    again = submit_script(client, tmp_path / "again", "print('again')", target="far")
    assert finish(client, again).status == "Completed"


@pytest.mark.alone
def test_a_machine_that_cannot_be_reached_is_given_up_its_trouble_is_not_and_nobody_waits_for_it(
    sshd: Sshd, tmp_path, monkeypatch
):
    monkeypatch.setattr(ssh, "GIVE_UP_S", 0.3)
    sshd.stop()
    access = Access(RemoteMachine("127.0.0.1", sshd.port, sshd.user, "key"), Credentials(private_key=sshd.key))
    bundle = node_bundle(tmp_path / "parcels")
    engine = SshEngine(tmp_path / "ssh", "id", lambda _: access, lambda _: {}, lambda: (bundle, bundle), server=None)
    node = Node("far-0", "w/far", Share(1, 1), datetime.now(timezone.utc), None)

    for _ in range(2):
        began = time.monotonic()
        engine.start(node)
        assert engine.names() == {"far-0"}
        assert time.monotonic() - began < 1
        until(lambda: not engine.names(), what="the end of the patience")
        assert "Connection refused" in engine.troubles()["far-0"]
        assert list((tmp_path / "ssh").glob("*.json")) == []
    engine.start(node)
    engine.stop("far-0")
    until(lambda: not engine.names(), seconds=5, what="the end of a node that never was")
    assert engine.troubles() == {}
    began = time.monotonic()
    engine.close(grace_s=5)
    assert time.monotonic() - began < 3


def test_what_is_brought_along_needs_nothing_but_python_and_is_the_same_each_time(tmp_path):
    first, second = node_bundle(tmp_path / "one"), node_bundle(tmp_path / "two")
    assert first.digest == second.digest
    folder = tmp_path / "a folder, ünïcode"
    with zipfile.ZipFile(io.BytesIO(first.path.read_bytes())) as archive:
        archive.extractall(folder)
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import amlet.node.wiring, amlet.node.tend, azureml.core"

    ended = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
