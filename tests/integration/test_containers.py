"""Runs in containers of images of the user's own, by a real podman."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.base.errors import EnvironmentFailed
from amlet.client.connection import Client
from amlet.client.datastore_files import DatastoreFiles, ToUpload
from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.data import (
    DOWNLOAD,
    INPUT_PLACEHOLDER,
    MOUNT,
    OUTPUT_PLACEHOLDER,
    DataPath,
    JobInput,
    JobOutput,
)
from amlet.domain.environment import Container, EnvironmentSpec
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.environments import Environments
from amlet.runtime.marked import marked
from amlet.wire.files import FileQuery
from amlet.wire.runs import SubmitRun
from support.containers import BASE, NOTHING, PYTHON, Podman, own_podman
from support.runs import finish, workspace_id
from support.scripts import run_script
from support.server import RealServer, until

OWN = EnvironmentSpec("own", user_managed=True, interpreter="python", container=Container(BASE))
"""The image's Python, found by v1's default name."""

WAITS = """
import os, pathlib, sys, time
from azureml.core import Run
Run.get_context().log("accuracy", 0.5)
print("began", os.environ["GREETING"], sys.executable, sys.argv[1:], flush=True)
while not pathlib.Path("go").exists():
    time.sleep(0.02)
pathlib.Path("outputs/model.txt").write_text("a model")
print("ended")
"""


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    place = Path(tempfile.mkdtemp(prefix="amlet-podman-"))
    with own_podman(place) as made, pytest.MonkeyPatch.context() as patch:
        for name, text in made.variables.items():
            patch.setenv(name, text)
        yield made


@pytest.fixture(scope="module")
def server(podman: Podman) -> Iterator[RealServer]:
    with tempfile.TemporaryDirectory(prefix="amlet-") as folder:
        made = RealServer(Path(folder) / "a home, with 'quotes' and ü")
        try:
            yield made.start()
        finally:
            made.close()


@pytest.fixture
def client(server: RealServer) -> Iterator[Client]:
    """A client whose unfinished runs are cancelled: the node has time for one at a time."""
    made = server.client()
    yield made
    for run in made.runs.list(workspace_id(made)).runs:
        if not run.is_over:
            made.runs.cancel(run.workspace_id, run.id)
            finish(made, run)


def submit(client: Client, folder: Path, text: str, spec: EnvironmentSpec, **more: object) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "script.py").write_text(text)
    snapshot = scan(folder)
    workspace = workspace_id(client)
    if "command" not in more:
        more = {"script": "script.py", "arguments": ["--C", "1"], **more}
    asked = SubmitRun("contained", Job(spec, "", **more), snapshot.entries, str(folder))  # type: ignore[arg-type]
    answer = submit_with_blobs(
        lambda: client.runs.submit(workspace, asked), client, workspace, sources_of(folder, snapshot.entries)
    )
    assert answer.run is not None
    return answer.run


def log_of(client: Client, run: Run, path: str = "user_logs/std_log.txt") -> str:
    with client.runs.file(run.workspace_id, run.id, FileQuery(path)) as body:
        return body.read().decode()


def build_log(client: Client, run: Run) -> str:
    return log_of(client, run, "azureml-logs/20_image_build_log.txt")


def has_begun(client: Client, run: Run, word: str = "began") -> bool:
    told = client.runs.get(run.workspace_id, run.id)
    assert not told.run.is_over, told.run.error
    return any(file.path.startswith("user_logs") for file in told.files) and word in log_of(client, run)


def work_of(server: RealServer) -> Path:
    """The only attempt's working directory."""
    return next(server.home.nodes.glob("local/attempts/*/work"))


def silent(line: str) -> None:
    """A log that nobody reads."""


def test_a_run_in_the_images_own_python_is_followed_live_and_its_token_is_seen_nowhere(
    client, server, podman, tmp_path
):
    run = submit(client, tmp_path / "own", WAITS, OWN)
    until(lambda: has_begun(client, run), what="the script's first line")

    name = podman.containers()
    assert len(name) == 1 and run.id in name[0]
    metrics = until(lambda: client.runs.metrics(run.workspace_id, run.id).values, what="the metric")
    assert metrics == {"accuracy": 0.5}
    jobs = [found for found in marked(str(server.home.root)) if "AZUREML_RUN_TOKEN" in found.variables]
    token = jobs[0].variables["AZUREML_RUN_TOKEN"]
    assert token not in podman("inspect", name[0])
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if path.exists():
            assert token.encode() not in path.read_bytes()
    kept = [
        path for path in podman.root.rglob("*.json") if path.is_file() and token in path.read_text(errors="replace")
    ]
    assert kept == []

    (work_of(server) / "go").touch()
    ended = finish(client, run)

    assert (ended.status, ended.error) == ("Completed", None), log_of(client, ended)
    assert log_of(client, run).splitlines() == [f"began from the image {PYTHON} ['--C', '1']", "ended"]
    assert log_of(client, run, "outputs/model.txt") == "a model"
    assert "its own Python" in build_log(client, run)
    until(lambda: podman.containers() == [], what="the container's end")
    assert ended.lock_id is not None
    image = client.environments.lock(run.workspace_id, ended.lock_id).image
    assert image == ended.properties["amlet.image"] and image.startswith("sha256:")


def test_packages_of_the_environment_are_shown_to_the_container(client, server, podman, tmp_path):
    text = "import sys, numpy, os\nprint(numpy.__version__, sys.prefix, os.environ['PATH'])\nopen('outputs/x','w')\n"
    spec = EnvironmentSpec("packages", pip=["numpy"], container=Container(BASE))

    ended = finish(client, submit(client, tmp_path / "packages", text, spec))

    assert (ended.status, ended.error) == ("Completed", None), log_of(client, ended)
    version, rest = log_of(client, ended).split(" ", 1)
    assert version[0].isdigit()
    assert str(server.home.environments) in rest
    assert rest.rstrip().endswith("/bin:/opt/python/bin:/bin")
    assert "Python runs in the image" in build_log(client, ended)


def test_data_is_seen_inside_and_what_is_written_is_brought_out(client, server, podman, tmp_path):
    workspace = workspace_id(client)
    files = DatastoreFiles(client, workspace, tmp_path / "cache")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    files.upload("workspaceblobstore", [ToUpload(tmp_path / name, f"given/{name}") for name in ("a.txt", "b.txt")])
    text = """
import os, sys
print(sorted(os.listdir(sys.argv[1])), open(sys.argv[2] + "/a.txt").read(), os.environ["given"] == sys.argv[1])
try:
    open(sys.argv[1] + "/new.txt", "w")
    print("written")
except OSError as error:
    print(type(error).__name__)
open(sys.argv[3] + "/made.txt", "w").write("made")
"""
    inputs = [
        JobInput("given", MOUNT, [DataPath("workspaceblobstore", "given")]),
        JobInput("own", DOWNLOAD, [DataPath("workspaceblobstore", "given/*.txt")]),
    ]
    outputs = [JobOutput("made", MOUNT, DataPath("workspaceblobstore", "made/{run-id}"))]
    signs = [INPUT_PLACEHOLDER + "given", INPUT_PLACEHOLDER + "own", OUTPUT_PLACEHOLDER + "made"]
    run = submit(client, tmp_path / "data", text, OWN, arguments=signs, inputs=inputs, outputs=outputs)
    ended = finish(client, run)

    assert (ended.status, ended.error) == ("Completed", None), log_of(client, ended)
    assert "['a.txt', 'b.txt'] a.txt True\nOSError\n" in log_of(client, ended)
    (made,) = files.list("workspaceblobstore", f"made/{run.id}")
    assert files.open_local("workspaceblobstore", made).read_text() == "made"


def test_a_dockerfile_is_built_once_for_two_environments_that_have_it(client, server, podman, tmp_path):
    step = f'RUN ["{PYTHON}", "-c", "print(1 + 41, chr(33)); open(chr(47) + chr(109), chr(119)).write(chr(33))"]'
    container = Container(dockerfile=f"FROM {BASE}\n{step}\nENV GREETING='of the Dockerfile'\n")
    text = "import os\nprint(os.environ['GREETING'], open('/m').read())"
    own = EnvironmentSpec("one", user_managed=True, interpreter=PYTHON, container=container)

    runs = [
        submit(client, tmp_path / f"docker {number}", text, spec)
        for number, spec in enumerate([own, own._replace(user_managed=False, interpreter="python")])
    ]
    ended = [finish(client, run) for run in runs]

    assert [run.status for run in ended] == ["Completed"] * 2, [build_log(client, run) for run in ended]
    assert [log_of(client, run).strip() for run in ended] == ["of the Dockerfile !"] * 2
    logs = [build_log(client, run) for run in ended]
    assert sum("42 !" in log for log in logs) == 1
    assert sum(log.count("Building the Dockerfile's image") for log in logs) == 1


V1_SCRIPT = """
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
ws = Workspace.create("contained", subscription_id="s", resource_group="g")
env = Environment.from_dockerfile("mine", "FROM {base}\\nENV GREETING='of v1'\\n")
env.docker.shm_size = "32m"
env.environment_variables = {{"GREETED": "yes"}}
config = ScriptRunConfig("src", script="script.py", environment=env)
run = Experiment(ws, "contained").submit(config)
run.wait_for_completion(show_output=True)
assert run.get_metrics() == {{"accuracy": 0.5}}, run.get_metrics()
print(run.get_status())
"""


def test_a_v1_script_runs_its_job_in_a_dockerfile_of_its_own(server, podman, tmp_path):
    (tmp_path / "src").mkdir()
    told = "import os\nfrom azureml.core import Run\nRun.get_context().log('accuracy', 0.5)\n"
    (tmp_path / "src" / "script.py").write_text(told + "print(os.environ['GREETING'], os.environ['GREETED'])")
    (tmp_path / "submit.py").write_text(V1_SCRIPT.format(base=BASE))

    done = run_script(tmp_path, "submit.py", server.home.root)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "of v1 yes" in done.stdout
    assert done.stdout.endswith("Completed\n")


def test_limits_hold_inside(client, server, podman, tmp_path):
    text = """
import os
for path in ("memory/memory.limit_in_bytes", "memory.max", "pids/pids.max", "pids.max"):
    if os.path.exists("/sys/fs/cgroup/" + path):
        print(path.split(".")[-1], open("/sys/fs/cgroup/" + path).read().strip())
shm = os.statvfs("/dev/shm")
print("shm", shm.f_frsize * shm.f_blocks, os.environ["OMP_NUM_THREADS"])
"""
    spec = OWN._replace(container=Container(BASE, shm_size="48m"))

    ended = finish(client, submit(client, tmp_path / "limits", text, spec))

    assert ended.status == "Completed"
    told = log_of(client, ended)
    assert f"shm {48 << 20} {len(os.sched_getaffinity(0))}" in told
    if "cannot be set" not in told:
        assert "16384" in told.split()


def test_a_failure_inside_is_told_as_outside(client, server, podman, tmp_path):
    ended = finish(client, submit(client, tmp_path / "fails", "import os\nraise ValueError('no such iris')", OWN))

    assert (ended.status, ended.error and ended.error.exit_code) == ("Failed", 1)
    assert "User program failed with ValueError: no such iris (script.py:2)" in ended.error.message


def test_a_command_in_a_container_ends_with_its_exit_code(client, server, podman, tmp_path):
    ended = finish(client, submit(client, tmp_path / "command", "", OWN, command="echo $GREETING; exit 7"))

    assert (ended.status, ended.error and ended.error.exit_code) == ("Failed", 7)
    assert log_of(client, ended) == "from the image\n"


@pytest.mark.parametrize("kind", ["script", "command"])
def test_a_cancelled_run_leaves_no_container_within_seconds(kind, client, server, podman, tmp_path):
    text = (
        "import subprocess, time\nsubprocess.Popen(['/bin/sleep', '600'])\nprint('began', flush=True)\ntime.sleep(600)"
    )
    more = {} if kind == "script" else {"command": "echo began; sleep 600"}
    run = submit(client, tmp_path / f"cancel {kind}", text, OWN, **more)
    until(lambda: has_begun(client, run), what="the script's first line")

    began = time.monotonic()
    client.runs.cancel(run.workspace_id, run.id)
    ended = finish(client, run)

    assert ended.status == "Canceled"
    assert time.monotonic() - began < 8
    assert podman.containers() == []
    until(lambda: len(server.marked()) == 2, what="nothing but the server and its node")


def test_a_script_that_ignores_sigterm_is_ended_by_force(client, server, podman, tmp_path):
    text = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
print("began", flush=True)
while True:
    time.sleep(1)
"""
    run = submit(client, tmp_path / "stubborn", text, OWN)
    until(lambda: has_begun(client, run), what="the script's first line")

    client.runs.cancel(run.workspace_id, run.id)
    ended = finish(client, run)

    assert ended.status == "Canceled"
    assert "no" in log_of(client, ended).splitlines()
    assert podman.containers() == []


def test_a_killed_node_is_replaced_and_its_container_adopted(client, server, podman, tmp_path):
    run = submit(client, tmp_path / "adopted", WAITS, OWN)
    until(lambda: has_begun(client, run), what="the script's first line")
    pid = server.node_pid()
    os.kill(pid, signal.SIGKILL)
    until(lambda: server.node_pid() != pid, what="another node")
    (work_of(server) / "go").touch()

    ended = finish(client, run)

    assert (ended.status, ended.attempt) == ("Completed", 1)
    assert log_of(client, ended).endswith("ended\n")
    assert podman.containers() == []


def test_a_run_whose_node_and_container_program_are_killed_ends_and_leaves_no_container(
    client, server, podman, tmp_path
):
    run = submit(client, tmp_path / "killed", WAITS, OWN)
    until(lambda: has_begun(client, run), what="the script's first line")
    began = time.monotonic()
    name = podman.containers()[0]
    pid = server.node_pid()
    os.kill(pid, signal.SIGKILL)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if path.exists() and f"--name={name}".encode() in path.read_bytes().split(b"\0"):
            os.kill(int(path.parent.name), signal.SIGKILL)

    ended = finish(client, run)

    assert ended.status == "Failed"
    assert time.monotonic() - began < 30
    until(lambda: podman.containers() == [], what="the container's end")


def test_a_container_that_was_never_noted_as_begun_is_ended_by_the_next_node(client, server, podman, tmp_path):
    run = submit(client, tmp_path / "unnoted", WAITS, OWN)
    until(lambda: has_begun(client, run), what="the script's first line")
    pid = server.node_pid()
    os.kill(pid, signal.SIGSTOP)
    (work_of(server).parent / "process.json").unlink()
    os.kill(pid, signal.SIGKILL)
    until(lambda: server.node_pid() != pid, what="another node")

    until(lambda: podman.containers() == [], what="the container's end")
    run = client.runs.get(run.workspace_id, run.id).run
    if not run.is_over:  # it was begun anew
        client.runs.cancel(run.workspace_id, run.id)
        finish(client, run)
    until(lambda: podman.containers() == [], what="the container's end")


def test_where_cores_cannot_be_limited_the_rest_is_and_the_runs_log_says_so(podman, tmp_path, monkeypatch):
    # As crun answers where systemd gives a user no controller of cores.
    program = tmp_path / "bin" / "podman"
    program.parent.mkdir()
    real = os.environ["PATH"]
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--cpus*) echo "Error: OCI runtime error: crun: the requested cgroup controller '
        f'\\`cpu\\` is not available" >&2; exit 126;; esac\nPATH="{real}" exec podman "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{real}")
    with tempfile.TemporaryDirectory(prefix="amlet-") as folder:
        server = RealServer(Path(folder) / "home")
        try:
            client = server.start().client()
            ended = finish(client, submit(client, tmp_path / "no cores", "print('done')", OWN))
            assert ended.status == "Completed"
            first, last = log_of(client, ended).splitlines()
            assert "the requested cgroup controller `cpu` is not available" in first
            assert first.endswith("set: memory and pids.")
            assert last == "done"
        finally:
            server.close()


def test_docker_is_taken_where_podman_is_not_and_asked_in_its_own_words(podman, tmp_path, monkeypatch):
    # No engine of docker's can run here: podman answers for it, as far as the two take the same arguments.
    only = tmp_path / "bin"
    only.mkdir()
    for name in ("runc", "conmon", "sh"):
        if (found := shutil.which(name)) is not None:
            (only / name).symlink_to(found)
    program = only / "docker"
    program.write_text(
        '#!/bin/sh\ncase "$1 $2" in "info --format") echo "28.0 []"; exit;;\n'
        f'"rm -f") shift 2; set -- rm -i -f -t 0 "$@";; esac\nexec {shutil.which("podman")} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(only))
    text = "import os, time\nprint('began', os.getuid(), flush=True)\nwhile not os.path.exists('go'): time.sleep(0.02)"
    container = Container(dockerfile=f"FROM {BASE}\nENV DOCKER=1\n")
    with tempfile.TemporaryDirectory(prefix="amlet-") as folder:
        server = RealServer(Path(folder) / "home")
        try:
            client = server.start().client()
            run = submit(client, tmp_path / "docker", text, OWN._replace(container=container))
            until(lambda: has_begun(client, run), what="the script's first line")
            (work_of(server) / "go").touch()
            assert finish(client, run).status == "Completed"
            assert log_of(client, run) == f"began {os.getuid()}\n"
            again = submit(client, tmp_path / "docker again", text, OWN._replace(container=container))
            until(lambda: has_begun(client, again), what="the script's first line")
            client.runs.cancel(again.workspace_id, again.id)
            assert finish(client, again).status == "Canceled"
        finally:
            server.close()
    monkeypatch.undo()
    until(lambda: podman.containers() == [], what="the container's end")


def test_a_docker_whose_engine_is_away_is_quoted(tmp_path, monkeypatch):
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///x.' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EnvironmentFailed, match=r"docker says: Cannot connect to the Docker daemon at unix:///x\.\n"):
        Environments(tmp_path).resolve(OWN, silent)


def test_without_a_container_program_the_run_fails_with_the_ways_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with tempfile.TemporaryDirectory(prefix="amlet-") as folder:
        server = RealServer(Path(folder) / "home")
        try:
            client = server.start().client()
            ended = finish(client, submit(client, tmp_path / "none", "print(1)", OWN))
            assert (ended.status, ended.error and ended.error.code) == ("Failed", "UserError")
            assert ended.error is not None and "apt install podman" in ended.error.message
            assert "env.docker.base_image = None" in build_log(client, ended)
        finally:
            server.close()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (OWN._replace(interpreter="/nowhere/python"), "There is no interpreter '/nowhere/python' in the image"),
        (OWN._replace(interpreter="/bin/sh"), "does not run as a Python interpreter"),
        (OWN._replace(container=Container("registry.invalid/x:1")), "could not be pulled"),
        (OWN._replace(container=Container(dockerfile=f"FROM {BASE}\nCOPY x /x\n")), "Dockerfile could not be built"),
    ],
    ids=["no-interpreter", "no-python", "no-image", "copies"],
)
def test_what_cannot_run_is_told_when_it_is_resolved(spec, said, podman, tmp_path):
    with pytest.raises(EnvironmentFailed, match=said):
        Environments(tmp_path).resolve(spec, silent)


def test_an_image_without_a_c_library_is_refused_with_the_way_out(podman, tmp_path):
    environments = Environments(tmp_path)
    container = Container(NOTHING)
    lock = environments.resolve(EnvironmentSpec("musl", container=container), silent)

    with pytest.raises(EnvironmentFailed, match=r"has no glibc") as caught:
        environments.contained(container, lock, silent)
    assert "user_managed_dependencies = True" in str(caught.value)


def test_an_image_that_was_removed_is_had_again_when_its_dockerfile_is_known(podman, tmp_path):
    environments = Environments(tmp_path)
    container = Container(dockerfile=f"FROM {BASE}\nENV AGAIN=1\n")
    spec = OWN._replace(container=container)
    lock = environments.resolve(spec, silent)
    podman("rmi", "--force", lock.image)
    told: list[str] = []

    environments.contained(container, lock, told.append)

    assert any("Building the Dockerfile's image" in line for line in told)


def test_a_name_that_stands_for_another_image_by_now_is_told(podman, tmp_path):
    environments = Environments(tmp_path)
    podman("build", "-t", "localhost/amlet-test/moves:1", "-", stdin=f"FROM {BASE}\nENV A=1\n".encode())
    container = Container("localhost/amlet-test/moves:1")
    lock = environments.resolve(OWN._replace(container=container), silent)
    podman("rmi", "--force", lock.image)
    podman("tag", BASE, "localhost/amlet-test/moves:1")

    with pytest.raises(EnvironmentFailed, match="build the environment anew"):
        environments.contained(container, lock, silent)
