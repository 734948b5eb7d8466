"""The steps of `amlet quickstart` after the folder is written: train, register, deploy, predict."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from amlet.base.errors import AmletError, Conflict, NotFound, ServiceFailed
from amlet.cli import following, source
from amlet.cli.live_line import LiveLine
from amlet.cli.stages import StageLines
from amlet.cli.terminal import Terminal
from amlet.domain import service as services
from amlet.domain.deployment import Deployment
from amlet.domain.model import SCIKITLEARN, Model, Resources
from amlet.domain.run import COMPLETED, Run
from amlet.domain.service import Service
from amlet.sdk.connection import Connection
from amlet.sdk.experiment import Experiment
from amlet.sdk.webservice import Webservice
from amlet.sdk.workspace import Workspace
from amlet.wire.models import RegisterModel
from amlet.wire.services import DeployService, ServiceQuery

EXPERIMENT = "Tutorial-TrainIRIS"
MODEL = "sklearn-iris"
SERVICE = "scikit-learn-service"
FLOWER = [5.1, 3.5, 1.4, 0.2]
QUESTION = json.dumps({"data": [FLOWER], "method": "predict"})
KINDS = ("setosa", "versicolor", "virginica")

_WAIT_S = 20.0
_PATIENCE_S = 60.0


class Outcome(NamedTuple):
    """What the workflow came to."""

    run: Run
    accuracy: Any
    model: Model
    service: Service
    prediction: int


def go_through(held: Connection, folder: Path) -> Outcome:
    """Run the workflow with its progress on stderr.

    Raises:
        Conflict: the service's name is taken by something else.
        AmletError: the run failed.
        ServiceFailed: the service does not answer.
    """
    workspace = Workspace(*held.names, _held=held)
    check_service_name(held)
    packages = source.Packages(conda="conda_dependencies.yml")
    made = source.environment(folder, packages, "sklearn-env", workspace)
    arguments = ["--kernel", "linear", "--penalty", "1.0"]
    config = source.configuration(folder, "train_iris.py", arguments, made, target="local", variables={})
    submitted = Experiment(workspace, EXPERIMENT, _create_in_cloud=False).submit(config)
    run = following.follow_on_terminal(held, submitted.id, with_log=False)
    if run.status != COMPLETED:
        why = f": {run.error.message}" if run.error else ""
        raise AmletError(
            f"Run {run.id} ended as {run.status}{why}", hint=f"`amlet logs {run.id}` shows what it printed."
        )
    accuracy = held.client.runs.metrics(held.workspace_id, run.id).values.get("Accuracy")
    terminal = Terminal(sys.stderr)
    with LiveLine(terminal) as live:
        lines = StageLines(terminal, live)
        model = _timed(live, lines, "register", lambda: _register(held, run), lambda made: made.id)
        service = _timed(live, lines, "deploy", lambda: _deploy(held, model, live), lambda made: f"{made.address}")
        prediction = _timed(live, lines, "predict", lambda: _predict(workspace), lambda kind: f"{FLOWER} is {kind}")
    return Outcome(run, accuracy, model, service, prediction)


def check_service_name(held: Connection) -> None:
    """See that the service's name is free, or held by an earlier quickstart.

    Raises:
        Conflict: it serves another model.
    """
    try:
        found = held.client.services.get(held.workspace_id, SERVICE)
    except NotFound:
        return
    others = [model_id for model_id in found.model_ids if model_id.rpartition(":")[0] != MODEL]
    if others:
        raise Conflict(
            f'The service "{SERVICE}" in workspace "{held.names.name}" serves {others[0]}, not {MODEL}.',
            hint="put another workspace_name into config.json of the quickstart's folder, or delete that service.",
        )


def _timed(live: LiveLine, lines: StageLines, name: str, do: Callable[[], Any], tell: Callable[[Any], str]) -> Any:
    began = time.monotonic()
    live.now(name)
    try:
        made = do()
    except BaseException:
        live.now(None)
        lines.done(name, time.monotonic() - began, good=False)
        raise
    live.now(None)
    lines.done(name, time.monotonic() - began, tell(made))
    return made


def _register(held: Connection, run: Run) -> Model:
    asked = RegisterModel(
        MODEL, run.id, "outputs/model.joblib", framework=SCIKITLEARN, resources=Resources(cpu=1, memory_gb=0.5)
    )
    answer = held.client.models.register(held.workspace_id, asked)
    assert answer.model is not None, "files of a run are never missing"
    return answer.model


def _deploy(held: Connection, model: Model, live: LiveLine) -> Service:
    asked = DeployService(SERVICE, Deployment([model.id]), overwrite=True)
    service = held.client.services.deploy(held.workspace_id, asked).service
    assert service is not None, "files are missing only of entry scripts"
    while service.state not in (services.HEALTHY, services.FAILED):
        live.now("deploy", service.step)
        query = ServiceQuery(service.changes, _WAIT_S)
        service = held.client.services.get(held.workspace_id, SERVICE, query, patience_s=_PATIENCE_S)
    if service.state == services.FAILED:
        raise ServiceFailed(f'The service "{SERVICE}" does not start: {service.error or service.step}')
    return service


def _predict(workspace: Workspace) -> int:
    answer = Webservice(workspace, SERVICE).run(QUESTION)
    return int(answer["predict"][0])
