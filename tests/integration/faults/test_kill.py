"""kill -9 of each process at each stage of a run's life: reliability's fault tests 1 and 10."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from amlet.domain.deployment import Deployment
from amlet.domain.run import Run
from amlet.wire.models import ModelQuery, RegisterModel
from amlet.wire.services import DeployService, ServiceQuery
from support.faults import SCRIPT, TINY, Scene, frozen, own_python
from support.models import TRAIN
from support.server import until


class Stage(NamedTuple):
    """A moment of a run's life."""

    name: str
    reach: Callable[[Scene], None]
    victims: tuple[str, ...]
    """The first one is killed in every test run, the others by `make faults`."""


def _resolving(scene: Scene) -> None:
    scene.index.hold("/simple/tiny/")
    scene.start_client("tiny")
    assert scene.index.reached.wait(30)


def _building(scene: Scene) -> None:
    scene.index.hold("/files/tiny-1.0-py3-none-any.whl")
    scene.start_client("tiny")
    assert scene.index.reached.wait(30)


def _sending(scene: Scene) -> None:
    (scene.source / "data.bin").write_bytes(bytes(range(256)) * (32 << 10))
    scene.gate.hold(rb"PUT /api/workspaces/[^ ]*/blobs/", after_bytes=2 << 20)
    scene.start_client()
    assert scene.gate.reached.wait(30)


def _queued(scene: Scene) -> None:
    scene.submit(SCRIPT.replace("value", "other").replace('"logged"', '"blocker"'), name="blocker")
    scene.status("Running")
    scene.start_client()
    until(lambda: len(scene.runs()) == 2 and scene.runs()[-1].status == "Queued", what="a run in the queue")


def _at(pattern: bytes, after_bytes: int = 0) -> Callable[[Scene], None]:
    def reach(scene: Scene) -> None:
        scene.gate.hold(pattern, after_bytes=after_bytes)
        scene.flag("middle")
        scene.start_client()
        assert scene.gate.reached.wait(30)

    return reach


def _first_metric(scene: Scene) -> None:
    scene.start_client()
    until(lambda: scene.runs() and len(scene.values(scene.run())) == 20, what="the first metrics")


def _mid_log(scene: Scene) -> None:
    scene.flag("chatty")
    scene.start_client()
    scene.status("Running")
    until(lambda: b"chat 100\n" in scene.text(scene.run(), "user_logs/std_log.txt"), what="a log that grows")


def _registering(scene: Scene) -> None:
    scene.gate.hold(rb"POST /api/workspaces/[^ /]*/models ", answer=True)
    scene.flag("middle")
    scene.start_client(register="register")
    assert scene.gate.reached.wait(30)


STAGES = (
    Stage("lock being resolved", _resolving, ("server", "client", "node", "uv")),
    Stage("build half made", _building, ("uv", "client", "server", "node")),
    Stage("snapshot half sent", _sending, ("client", "server", "node")),
    Stage("queued", _queued, ("node", "client", "server", "job")),
    Stage("leased", _at(rb"POST /api/workspaces/[^ ]*/packs/fetch"), ("node", "client", "server")),
    Stage("starting", _at(rb"/started "), ("node", "client", "server", "job")),
    Stage("after the first metric", _first_metric, ("server", "client", "node", "job")),
    Stage("in mid-log", _mid_log, ("job", "client", "server", "node")),
    Stage("outputs half collected", _at(rb"PUT /api/workspaces/[^ ]*/blobs/", 2 << 20), ("node", "client", "server")),
    Stage("finalizing", _at(rb"/settle "), ("server", "client", "node")),
    Stage("registering", _registering, ("server", "client", "node")),
)


def _cases() -> list[object]:
    found = []
    for stage in STAGES:
        for number, victim in enumerate(stage.victims):
            marks = [pytest.mark.every_fault] if number else []
            found.append(pytest.param(stage, victim, id=f"{stage.name}-{victim}", marks=marks))
    return found


@pytest.mark.parametrize(("stage", "victim"), _cases())
def test_a_run_outlives_or_ends_with(stage: Stage, victim: str, scene: Scene, told: Callable[..., None]):
    stage.reach(scene)
    port = scene.server.home.server_file.read_text()

    scene.kill(victim)
    began = time.monotonic()
    if victim == "server":
        scene.start()
    scene.flag("middle")
    scene.gate.release()
    scene.index.release()
    if victim != "client":
        said = scene.client_ends()
    elif stage.name == "snapshot half sent":
        assert scene.runs() == []
        scene.start_client()
        said = scene.client_ends()
    runs = scene.settled()
    took = time.monotonic() - began

    expected = "Failed" if victim == "uv" or (victim == "job" and stage.name != "queued") else "Completed"
    assert runs[-1].status == expected, runs[-1].error
    if expected == "Failed":
        assert "kill" in runs[-1].error.message.lower() or "signal" in runs[-1].error.message, runs[-1].error
    if victim != "client":
        assert said["status"] == expected
    _check_values(scene, runs[-1])
    if victim == "uv":
        assert scene.submit(spec=TINY).status
        assert scene.settled()[-1].status == "Completed"
    if stage.name == "queued":
        assert runs[0].status == ("Failed" if victim == "job" else "Completed"), runs[0].error
    if stage.name == "registering":
        models = scene.client.models.list(scene.workspace_id, ModelQuery()).models
        # A request whose client is gone before its body is read is dropped: then there is no model, and never half of
        # one. Any other client asks again until it is told of the one version.
        assert [model.version for model in models] in ([[], [1]] if victim == "client" else [[1]])
    if victim == "server":
        assert scene.server.home.server_file.read_text().split('"pid"')[0] == port.split('"pid"')[0]
    scene.check_whole()
    scene.stop()
    told(stage.name, victim, ", ".join(run.status for run in runs), took)


def _check_values(scene: Scene, run: Run) -> None:
    """Every value that run.log returned from is there once, in order; so is every line of the log."""
    values = scene.values(run)
    assert values == list(range(len(values)))
    assert len(values) >= len(scene.logged())
    if run.status == "Completed":
        assert values == list(range(40))
        lines = scene.text(run, "user_logs/std_log.txt").decode().splitlines()
        assert [line for line in lines if line.startswith("line ")] == [f"line {number}" for number in range(40)]
        chats = [line for line in lines if line.startswith("chat ")]
        assert chats == [f"chat {number}" for number in range(1, int(lines[-1].split()[-1]) + 1)]
        assert scene.text(run, "outputs/small.txt") == b"small"
        assert len(scene.text(run, "outputs/big.bin")) == 8 << 20


DEPLOYING = ("server", "client", "node", "replica")


@pytest.mark.parametrize(
    "victim", [pytest.param(name, marks=[pytest.mark.every_fault] if at else []) for at, name in enumerate(DEPLOYING)]
)
def test_a_deployment_outlives(victim: str, sklearn_scene: Scene, python: Path, told: Callable[..., None]):
    scene = sklearn_scene
    scene.submit(TRAIN, own_python(python), name="iris")
    run = scene.settled(120)[-1]
    assert run.status == "Completed", run.error
    asked = RegisterModel("iris", run_id=run.id, path="outputs/model.joblib", framework="ScikitLearn")
    model = scene.client.models.register(scene.workspace_id, asked).model
    assert model is not None
    if victim != "replica":
        scene.gate.hold(rb"POST /api/workspaces/[^ ]*/packs/fetch")
    scene.client.services.deploy(scene.workspace_id, DeployService("iris", Deployment([model.id])))
    if victim == "client":
        scene.start_client()  # any client: what was asked for needs none
    if victim != "replica":
        assert scene.gate.reached.wait(60)

    began = time.monotonic()
    if victim == "replica":
        _healthy(scene)
    scene.kill(victim)
    if victim == "server":
        scene.start()
    scene.gate.release()
    address = _healthy(scene)
    took = time.monotonic() - began

    assert _asked(address) == {"predict": [0]}
    if victim == "node":  # once more, now that a replica listens: its successor takes the port again
        scene.kill("node")
        until(lambda: len(scene.pids("replica")) == 1 and _answers(address), what="an answer on the same port")
        assert _healthy(scene) == address
    scene.flag("middle")
    scene.settled()
    scene.check_whole()
    scene.stop()
    told("deploying", victim, "Healthy", took)


@pytest.mark.every_fault
def test_a_new_revision_takes_the_port_that_the_replica_of_a_killed_node_still_holds(
    sklearn_scene: Scene, python: Path, told: Callable[..., None]
):
    scene = sklearn_scene
    scene.submit(TRAIN, own_python(python), name="iris")
    run = scene.settled(120)[-1]
    asked = RegisterModel("iris", run_id=run.id, path="outputs/model.joblib", framework="ScikitLearn")
    model = scene.client.models.register(scene.workspace_id, asked).model
    assert model is not None
    scene.client.services.deploy(scene.workspace_id, DeployService("iris", Deployment([model.id])))
    address = _healthy(scene)
    (old,) = scene.pids("replica")

    began = time.monotonic()
    with frozen(*scene.pids("node")):
        scene.client.services.deploy(scene.workspace_id, DeployService("iris", Deployment([model.id]), overwrite=True))
        scene.kill("node")
    until(lambda: scene.pids("replica") not in ([], [old]), what="another replica")

    assert _healthy(scene) == address
    assert scene.client.services.get(scene.workspace_id, "iris", ServiceQuery()).revision == 2
    assert len(scene.pids("replica")) == 1
    scene.stop()
    told("deploying over", "node", "Healthy", time.monotonic() - began)


def _healthy(scene: Scene) -> str:
    found = until(
        lambda: (
            (service := scene.client.services.get(scene.workspace_id, "iris", ServiceQuery())).state == "Healthy"
            and _answers(service.address or "")
            and service
        ),
        seconds=60,
        what="a healthy service",
    )
    assert found.address
    return found.address


def _asked(address: str) -> object:
    row = b'{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}'
    asked = urllib.request.Request(address + "/score", row, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return json.load(answer)


def _answers(address: str) -> bool:
    try:
        return _asked(address) == {"predict": [0]}
    except OSError:
        return False
