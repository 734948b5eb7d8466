"""Packages: a Dockerfile whose image answers as the service does, built and run by a real podman."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.base.container_limits import ulimits
from support.containers import BASE, Podman, own_podman
from support.scripts import run_script
from support.server import RealServer, until

IMAGE = "localhost/amlet-test/scoring-base:1"
MINOR = f"python{sys.version_info[0]}.{sys.version_info[1]}"

SCORE = """
import json, os
from azureml.core.model import Model
import beside
def init():
    global weight
    with open(Model.get_model_path("weights")) as file:
        weight = json.load(file)
def run(data):
    return {"result": json.loads(data)["data"] * weight, "says": beside.WORD, "set": os.environ["WHO"]}
"""

BEGIN = """
import json, pathlib
from azureml.core import Environment, Workspace
from azureml.core.model import InferenceConfig, Model, ModelPackage
from azureml.exceptions import WebserviceException
ws = Workspace.create("packages", exist_ok=True)
pathlib.Path("weight.json").write_text("2")
model = Model.register(ws, "weight.json", "weights")
"""

IN_IMAGE = """
env = Environment.from_docker_image("own", "{image}")
env.environment_variables = {{"WHO": 'a "quoted" name'}}
config = InferenceConfig("score.py", source_directory="source", environment=env)
package = Model.package(ws, [model], config, image_name="scoring/weights", image_label="1")
package.wait_for_creation(show_output=True)
assert package.location == "scoring/weights:1", package
package.pull()
again = ModelPackage(ws, package.serialize()["operationId"], None)
assert (again.state, again.get_logs()) == ("Succeeded", package.get_logs())
"""

AS_DOCKERFILE = """
pathlib.Path("requirements.txt").write_text("wheel==0.43.0")
pathlib.Path("source/steps").write_text("RUN echo one more step\\n")
env = Environment.from_pip_requirements("plain", "requirements.txt")
config = InferenceConfig("score.py", source_directory="source", environment=env)
package = Model.package(ws, [model], config, generate_dockerfile=True)
package.wait_for_creation(show_output=True)
package.save("saved here")
try:
    package.save("saved here")
    raise AssertionError("files were written over")
except FileExistsError:
    pass
try:
    package.pull()
    raise AssertionError("there is no image")
except WebserviceException as error:
    assert "not an image" in error.message
"""

UNBUILDABLE = """
env = Environment.from_docker_image("nowhere", "{image}")
old = InferenceConfig(
    "score.py", "python", base_image="{image}", source_directory="source", extra_docker_file_steps="steps")
package = Model.package(ws, [model], old)
try:
    package.wait_for_creation()
    raise AssertionError("it was built")
except WebserviceException as error:
    assert "ended with exit code" in error.message and "no-such-program" in error.message, error.message
assert package.location is None
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "an owner's package é"
    (made / "source").mkdir(parents=True)
    (made / "source" / "score.py").write_text(SCORE)
    (made / "source" / "beside.py").write_text("WORD = 'hello'")
    (made / "source" / "steps").write_text("RUN no-such-program\n")
    return made


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """podman with an image that has what a package needs of one, so that nothing is fetched: a pip, and httptools."""
    import httptools

    place = Path(tempfile.mkdtemp(prefix="amlet-podman-"))
    with own_podman(place) as made, tempfile.TemporaryDirectory() as context:
        for name, text in (("pip", "exit 0"), ("python", 'exec /opt/python/bin/python3 "$@"')):
            Path(context, name).write_text(f"#!/bin/sh\n{text}\n")
            Path(context, name).chmod(0o755)
        shutil.copytree(Path(httptools.__file__).parent, Path(context, "httptools"))
        packages = f"/opt/python/lib/{MINOR}/site-packages"
        lines = [f"FROM {BASE}", "COPY pip python /opt/python/bin/", f"COPY httptools {packages}/httptools"]
        Path(context, "Dockerfile").write_text("\n".join(lines))
        made("build", "--tag", IMAGE, context)
        yield made


@pytest.fixture(scope="module")
def server(podman: Podman) -> Iterator[RealServer]:
    with tempfile.TemporaryDirectory(prefix="amlet-") as root:
        made = RealServer(Path(root) / "home")
        try:
            yield made.start(**podman.variables)
        finally:
            made.close()


def _ask(port: int, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _is_up(port: int) -> bool:
    try:
        return _ask(port, "/") == (200, b"Healthy")
    except OSError:
        return False


def test_an_image_answers_as_the_service_does(server: RealServer, podman: Podman, folder: Path) -> None:
    (folder / "package.py").write_text(BEGIN + IN_IMAGE.format(image=IMAGE))
    done = run_script(folder, "package.py", server.home.root, **podman.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = ["--env", f"AMLET_SERVICE_PORT={port}", "--env", "AMLET_SERVICE_KEYS=one-key, other-key"]
    podman("run", "--detach", "--name", "scoring", "--network=host", *ulimits(), *given, "scoring/weights:1")
    try:
        until(lambda: _is_up(port), seconds=90, what="the container's first answer")
        assert _ask(port, "/score", b'{"data": 21}')[0] == 401
        for key in ("one-key", "other-key"):
            status, told = _ask(port, "/score", b'{"data": 21}', Authorization=f"Bearer {key}")
            expected = {"result": 42, "says": "hello", "set": 'a "quoted" name'}
            assert (status, json.loads(told)) == (200, expected)
    finally:
        podman("rm", "--force", "--time", "0", "scoring")


def test_a_dockerfile_is_saved_with_its_context(server: RealServer, folder: Path) -> None:
    (folder / "package.py").write_text(BEGIN + AS_DOCKERFILE)
    done = run_script(folder, "package.py", server.home.root)
    assert done.returncode == 0, done.stdout + done.stderr
    saved = folder / "saved here"
    (weights,) = saved.glob("azureml-models/weights/*/weight.json")
    assert weights.read_text() == "2"
    assert (saved / "source" / "beside.py").read_text() == "WORD = 'hello'"
    assert "wheel==0.43.0" in (saved / "requirements.txt").read_text()
    lines = (saved / "Dockerfile").read_text().splitlines()
    assert f'ENV AZUREML_MODEL_DIR="/var/azureml-app/azureml-models/weights/{weights.parent.name}"' in lines
    assert "COPY requirements.txt /tmp/requirements.txt" in lines
    copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
    assert [name for name in copied if not (saved / name).exists()] == []
    assert (saved / "amlet-sdk" / "azureml" / "core" / "model.py").exists()


def test_a_build_that_fails_tells_the_end_of_its_log(server: RealServer, podman: Podman, folder: Path) -> None:
    (folder / "package.py").write_text(BEGIN + UNBUILDABLE.format(image=IMAGE))
    done = run_script(folder, "package.py", server.home.root, **podman.variables)
    assert done.returncode == 0, done.stdout + done.stderr
