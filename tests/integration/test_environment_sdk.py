"""Environments through v1's classes, against a real server."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.sdk.connection import Connection, Names
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.experiment import Experiment
from amlet.sdk.script_run import ScriptRun
from amlet.sdk.script_run_config import ScriptRunConfig
from amlet.sdk.workspace import Workspace
from support.server import RealServer

LOG = "azureml-logs/20_image_build_log.txt"


@pytest.fixture
def workspace(shared_server: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("AMLET_HOME", str(shared_server.home.root))
    monkeypatch.chdir(tmp_path)
    held = Connection(Names("local", "environments-rg", re.sub(r"\W", "", tmp_path.name)[:30]))
    held._client = shared_server.client(patience_s=30.0)
    held.ensure(create=True)
    yield Workspace(*held.names, _held=held)


def submitted(workspace: Workspace, folder: Path, environment: Environment, text: str = "print(1)") -> ScriptRun:
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "train.py").write_text(text)
    config = ScriptRunConfig(str(folder / "src"), "train.py", environment=environment)
    run = Experiment(workspace, "environments").submit(config)
    assert isinstance(run, ScriptRun)
    return run


def with_pip(name: str, *lines: str) -> Environment:
    env = Environment(name)
    assert env.python.conda_dependencies is not None
    env.python.conda_dependencies.set_pip_requirements(list(lines))
    return env


def test_a_build_is_followed_to_its_end_and_its_details_name_what_is_there(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    env = with_pip("built", "joblib==1.4.2")
    assert env.get_image_details(workspace).image_exist is False
    build = env.build(workspace)
    build.wait_for_completion(show_output=True)  # v1-behaviours 10.11
    out = capsys.readouterr().out
    assert out.rstrip().endswith("Image Build Status: Succeeded")
    assert "Locked for Python" in out
    assert build.status == "Succeeded"
    assert build.get_log() in out.replace("Image Build Status: Running\n\n", "")
    details = env.get_image_details(workspace)
    assert details.image_exist is True
    told = subprocess.run(
        [str(details.interpreter_path), "-c", "import joblib, sys; print(joblib.__version__, sys.prefix)"],
        check=True, capture_output=True, text=True,
    ).stdout.split(maxsplit=1)  # fmt: skip
    assert told == ["1.4.2", f"{details.environment_path}\n"]
    requirements = str(details.dockerfile).split("/tmp/requirements.txt\n")[1].split("END-OF-FILE")[0]
    Path("requirements.txt").write_text(requirements)
    asked = [
        "pip",
        "install",
        "--no-deps",
        "--require-hashes",
        "--requirement",
        "requirements.txt",
        "--target",
        "files",
    ]
    subprocess.run([sys.executable, "-m", "uv", *asked], check=True, capture_output=True)
    assert (Path("files") / "joblib" / "__init__.py").is_file()


def test_a_build_that_fails_says_why_and_does_not_raise(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    env = with_pip("failing", "no-such-package-of-amlet==1")
    build = env.build(workspace)
    build.wait_for_completion()
    assert build.status == "Failed"
    out = capsys.readouterr().out
    assert "Image Build Status: Failed" in out
    assert out.count("no-such-package-of-amlet") >= 2
    with pytest.raises(UserErrorException, match='"failing" could not be built'):
        env.build_local(workspace)


def test_versions_are_numbers_and_an_unchanged_environment_keeps_its_own(workspace: Workspace) -> None:
    env = with_pip("mine", "joblib")
    assert (env.register(workspace).version, env.register(workspace).version) == ("1", "1")
    assert env.python.conda_dependencies is not None
    env.python.conda_dependencies.add_pip_package("joblib<1.5")
    env.python.strict = True
    assert env.register(workspace).version == "2"
    assert [held.version for held in Environment.versions(workspace, "mine")] == ["1", "2"]
    assert Environment.get(workspace, "mine").version == "2"
    first = Environment.get(workspace, "mine", version="1")
    assert (first.python.strict, first._to_spec().pip) == (False, ["joblib"])
    assert repr(Environment.get(workspace, "mine", label="latest")) == repr(env.register(workspace))
    assert {"mine", "AzureML-Tutorial"} <= set(Environment.list(workspace))
    with pytest.raises(UserErrorException, match=r"version 9 of environment \"mine\""):
        Environment.get(workspace, "mine", version="9")
    with pytest.raises(UserErrorException, match="curated"):
        with_pip("AzureML-own", "joblib").register(workspace)  # v1-behaviours 10.9
    first.version = "2"
    with pytest.raises(UserErrorException, match="other content"):
        first.register(workspace)


def test_what_is_submitted_unregistered_is_registered_by_itself(workspace: Workspace, tmp_path: Path) -> None:
    env = Environment("unregistered")
    env.python.user_managed_dependencies, env.python.interpreter_path = True, sys.executable
    run = submitted(workspace, tmp_path, env)
    run.wait_for_completion()
    made = run.get_environment()  # v1-behaviours 10.10
    assert re.fullmatch(r"Autosave_\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ_[0-9a-f]{8}", str(made.version))
    assert Environment.get(workspace, "unregistered", version=made.version).python.user_managed_dependencies
    assert run.get_details()["runDefinition"]["environment"]["version"] == made.version


def test_the_interpreter_of_the_user_runs_the_job_with_what_it_has(workspace: Workspace, tmp_path: Path) -> None:
    venv.create(tmp_path / "my own", symlinks=True)
    env = Environment("own")
    env.python.user_managed_dependencies = True  # v1-behaviours 10.15
    env.python.interpreter_path = str(tmp_path / "my own" / "bin" / "python")
    run = submitted(workspace, tmp_path, env, "import sys; print(sys.prefix)")
    run.wait_for_completion()
    assert run._read_file("user_logs/std_log.txt").decode().strip() == str(tmp_path / "my own")
    assert "is used as it is" in run._read_file(LOG).decode()
    details = env.get_image_details(workspace)
    assert (details.image_exist, details.interpreter_path) == (True, env.python.interpreter_path)


@pytest.mark.parametrize(
    ("interpreter", "told"),
    [
        ("/nowhere/bin/python", "There is no interpreter '/nowhere/bin/python'"),
        ("/bin/false", "/bin/false does not run as a Python interpreter"),
        ("python2.7-of-mine", "There is no interpreter 'python2.7-of-mine'"),
    ],
)
def test_an_interpreter_that_will_not_do_is_told_with_the_setting(
    workspace: Workspace, tmp_path: Path, interpreter: str, told: str
) -> None:
    env = Environment("own")
    env.python.user_managed_dependencies, env.python.interpreter_path = True, interpreter
    run = submitted(workspace, tmp_path, env)
    error = run.wait_for_completion(raise_on_error=False)["error"]
    assert told in error["message"]
    assert "python.interpreter_path" in str(error) + run._read_file(LOG).decode()


CONDA = """#!{python}
import sys
if sys.argv[1:4] != ["env", "export", "--no-builds"]:
    sys.exit("unexpected arguments: " + " ".join(sys.argv[1:]))
if sys.argv[4] != "--name=mine":
    sys.exit("\\nEnvironmentLocationNotFound: Not a conda environment: " + sys.argv[4])
print("name: mine\\nchannels:\\n  - defaults\\ndependencies:\\n  - python=3.11.4\\n  - numpy=1.26.4\\n  - pip:\\n"
      "    - joblib==1.4.2\\nprefix: /opt/conda/envs/mine")
print("a warning of conda's", file=sys.stderr)
"""


def test_an_environment_of_condas_is_taken_as_conda_exports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CONDA_EXE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Environment.from_existing_conda_environment("x", "mine") is None  # v1-behaviours 10.6
    assert "no conda on this machine" in capsys.readouterr().err
    (tmp_path / "conda").write_text(CONDA.format(python=sys.executable))
    (tmp_path / "conda").chmod(0o755)
    assert Environment.from_existing_conda_environment("x", "other") is None
    assert "Not a conda environment: --name=other" in capsys.readouterr().err
    env = Environment.from_existing_conda_environment("x", "mine")
    assert env is not None
    spec = env._to_spec()
    assert (spec.name, spec.python, spec.conda, spec.pip) == ("x", "3.11.4", ["numpy=1.26.4"], ["joblib==1.4.2"])


def test_a_login_in_an_address_reaches_neither_the_server_nor_its_home(
    workspace: Workspace, shared_server: RealServer, tmp_path: Path
) -> None:
    env = with_pip("private", "--index-url https://me:s3cr3t-of-the-index@localhost:1/simple", "joblib")
    for attempt in (env.register, env.build, lambda held: submitted(held, tmp_path, env)):
        with pytest.raises(UserErrorException, match="has a login in its address"):
            attempt(workspace)
    home = shared_server.home
    files = [place for place in home.root.rglob("*") if place.is_file() and home.environments not in place.parents]
    assert home.records in files
    assert [place for place in files if b"s3cr3t-of-the-index" in place.read_bytes()] == []


SCRIPT = """
from azureml.core import ContainerRegistry, Environment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import DockerSection, PythonSection, SparkSection
from azureml.core.runconfig import DEFAULT_CPU_IMAGE

ws = Workspace.create("v1-environments", exist_ok=True)
myenv = Environment(name="myenv")
conda_dep = CondaDependencies()
conda_dep.add_pip_package("joblib==1.4.2")
conda_dep.set_python_version("3.11")
myenv.python.conda_dependencies = conda_dep
myenv.docker.enabled = True
myenv.docker.base_image = DEFAULT_CPU_IMAGE
myenv.docker.base_image_registry = ContainerRegistry()
registered = myenv.register(workspace=ws)
print(registered)
build = registered.build(workspace=ws)
build.wait_for_completion(show_output=True)
assert build.status == "Succeeded"
restored = Environment.get(workspace=ws, name="myenv", version="1")
clone = restored.clone("other")
clone.save_to_directory("saved")
assert repr(Environment.load_from_directory("saved")) == repr(clone)
for name, env in Environment.list(ws).items():
    if name.startswith("AzureML"):
        packages = env.python.conda_dependencies.serialize_to_string()
print(restored.get_image_details(ws).dockerfile)
"""


def test_a_script_of_v1_runs_as_it_is(shared_server: RealServer, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env=shared_server.variables(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Environment(Name: myenv,\nVersion: 1)" in done.stdout
    assert "FROM python:3.11-slim" in done.stdout
