"""What else answers requests for predictions, each as its manual has it, with one process that holds the model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.bare_server import free_port
from benchmarks.peers import peer
from benchmarks.place import Skipped, clean_variables, run

START_S = 120.0

SVC, FOREST = "svc", "forest"

TRAIN = """
import joblib
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC
X, y = load_iris(return_X_y=True)
joblib.dump(SVC().fit(X, y), "svc.joblib")
joblib.dump(RandomForestClassifier(100, random_state=0).fit(X, y), "forest.joblib")
"""

ENTRY_SCRIPT = """
import json, os
import joblib
def init():
    global model
    folder = os.environ["AZUREML_MODEL_DIR"]
    (name,) = [name for name in os.listdir(folder) if name.endswith(".joblib")]
    model = joblib.load(os.path.join(folder, name))
def run(data):
    rows = json.loads(data)["data"]
    return {"predict": model.predict(rows).tolist()}
"""

CONSTANT = """
import sys, uvicorn
BODY = b'{"predict": [0]}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
uvicorn.run(app, port=int(sys.argv[1]), http="httptools", loop="uvloop", log_level="error", access_log=False)
"""

FASTAPI = """
import sys
from typing import List
import joblib, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
model = joblib.load(sys.argv[2])
app = FastAPI()
class Asked(BaseModel):
    data: List[List[float]]
@app.post("/score")
async def score(asked: Asked):
    return {"predict": model.predict(asked.data).tolist()}
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""

MLFLOW_SAVE = """
import joblib, mlflow.sklearn, sys
mlflow.sklearn.save_model(joblib.load(sys.argv[1]), "mlflow-model", serialization_format="cloudpickle")
"""

BENTOML = """
import os
import bentoml, joblib
@bentoml.service
class Iris:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["BENCH_MODEL"])
    @bentoml.api
    def score(self, data: list[list[float]]) -> dict:
        return {"predict": self.model.predict(data).tolist()}
"""

RAY_SERVE = """
import sys, time
import joblib, ray
from ray import serve
ray.init("local", num_cpus=2, include_dashboard=False, configure_logging=False, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
@serve.deployment(ray_actor_options={"num_cpus": 0.5})
class Iris:
    def __init__(self, path):
        self.model = joblib.load(path)
    async def __call__(self, request):
        asked = await request.json()
        return {"predict": self.model.predict(asked["data"]).tolist()}
serve.run(Iris.bind(sys.argv[2]), route_prefix="/score")
while True:
    time.sleep(60)
"""


class Peer(NamedTuple):
    """A product that serves, and how it is installed."""

    name: str
    package: str
    check: str
    also: tuple[str, ...] = ("scikit-learn", "joblib")


INFERENCE_SERVER = Peer(
    "azureml-inference-server-http", "azureml-inference-server-http", "import azureml_inference_server_http"
)
UVICORN = Peer("bare uvicorn", "uvicorn", "import httptools, uvicorn, uvloop", ("httptools", "uvloop"))
BY_HAND = Peer("FastAPI by hand", "fastapi", "import fastapi", ("uvicorn", "httptools", "uvloop", *INFERENCE_SERVER[3]))
MLFLOW = Peer("mlflow", "mlflow", "import mlflow.sklearn")
MLSERVER = Peer("mlserver", "mlserver", "import mlserver_sklearn", ("mlserver-sklearn", *INFERENCE_SERVER[3]))
BENTO = Peer("bentoml", "bentoml", "import bentoml")
RAY = Peer("Ray Serve", "ray[serve]", "from ray import serve")

OTHERS = (BY_HAND, MLFLOW, MLSERVER, BENTO, RAY)


class Serving(NamedTuple):
    """A server that answers."""

    url: str
    process: subprocess.Popen[bytes]
    started_s: float
    """From its start to its first answer."""


def body_of(peer: Peer | None, rows: list[list[float]]) -> bytes:
    """Rows as a server takes them; None is amlet's."""
    if peer is MLFLOW:
        return json.dumps({"inputs": rows}).encode()
    if peer is MLSERVER:
        flat = [value for row in rows for value in row]
        taken = {"name": "data", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}
        return json.dumps({"inputs": [taken]}).encode()
    if peer is not None:
        return json.dumps({"data": rows}).encode()
    return json.dumps({"data": rows, "method": "predict"}).encode()


@contextmanager
def serving(which: Peer, model: str, folder: Path) -> Iterator[Serving]:
    """Start a peer with a model trained by its own scikit-learn.

    Raises:
        Skipped: when it cannot be installed, or does not answer.
    """
    python = peer(which.package, which.check, also=which.also)
    file = folder / f"{model}.joblib"
    if which is not UVICORN:
        run([python, "-c", TRAIN], folder=folder)
    port = free_port()
    arguments, path, more = _how(which, python, file, folder, port)
    url = f"http://127.0.0.1:{port}{path}"
    with started(arguments, url, body_of(which, [[5.1, 3.5, 1.4, 0.2]]), folder, **more) as found:
        yield found


@contextmanager
def started(
    arguments: list[str], url: str, body: bytes, folder: Path, pass_fds: tuple[int, ...] = (), **variables: str
) -> Iterator[Serving]:
    """Start a server's process in a folder, and wait for its first answer.

    Raises:
        Skipped: when it ends instead, or is silent for two minutes.
    """
    began = time.monotonic()
    told = folder / "server.log"
    with told.open("wb") as log:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=clean_variables(**variables),
            stdout=log,
            stderr=log,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    try:
        while not _answers(url, body):
            if process.poll() is not None or time.monotonic() - began > START_S:
                said = (told.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
                ended = "ended" if process.poll() is not None else f"was silent for {START_S:.0f} s"
                raise Skipped(f"it {ended}; the last that it said: {said[-300:]}")
            time.sleep(0.005)
        yield Serving(url, process, time.monotonic() - began)
    finally:
        _end_session(process)


def _how(which: Peer, python: Path, file: Path, folder: Path, port: int) -> tuple[list[str], str, dict[str, str]]:
    """The command line of a peer, the path that it answers at, and its variables."""
    program = python.parent
    if which is INFERENCE_SERVER:
        models = folder / "azureml-models"
        models.mkdir()
        (models / file.name).hardlink_to(file)
        (folder / "score.py").write_text(ENTRY_SCRIPT)
        arguments = [str(program / "azmlinfsrv"), "--entry_script", "score.py", "--model_dir", str(models)]
        return [*arguments, "--port", str(port)], "/score", {"WORKER_COUNT": "1"}
    if which is MLFLOW:
        run([python, "-c", MLFLOW_SAVE, file], folder=folder, MLFLOW_DISABLE_TELEMETRY="true")
        arguments = [str(program / "mlflow"), "models", "serve", "-m", "mlflow-model", "--env-manager", "local"]
        path = f"{program}:/usr/bin:/bin"
        return [*arguments, "--port", str(port)], "/invocations", {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path}
    if which is MLSERVER:
        settings = {"name": "iris", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": str(file)}}
        (folder / "model-settings.json").write_text(json.dumps(settings))
        # One process, as all others here; its own default is a second one for the model.
        server = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": 0}
        (folder / "settings.json").write_text(json.dumps({**server, "debug": False}))
        return [str(program / "mlserver"), "start", "."], "/v2/models/iris/infer", {}
    if which is BENTO:
        (folder / "service.py").write_text(BENTOML)
        arguments = [str(python), "-m", "bentoml", "serve", "service:Iris", "--port", str(port)]
        return arguments, "/score", {"BENCH_MODEL": str(file), "BENTOML_DO_NOT_TRACK": "True"}
    text = {UVICORN: CONSTANT, BY_HAND: FASTAPI, RAY: RAY_SERVE}[which]
    return [str(python), "-c", text, str(port), str(file)], "/score", {"RAY_USAGE_STATS_ENABLED": "0"}


def _answers(url: str, body: bytes) -> bool:
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """End a server and what it started."""
    for number, wait_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
            process.wait(wait_s)
        except ProcessLookupError:
            process.wait()
        except subprocess.TimeoutExpired:
            continue
