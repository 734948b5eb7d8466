"""A model as a service, from deploy to its first answer, with the build at hand."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.place import Place, clean_variables, run

TRAIN = """
import os, joblib
from sklearn.datasets import load_iris
from sklearn.svm import SVC
data = load_iris()
os.makedirs("outputs", exist_ok=True)
joblib.dump(SVC().fit(data.data, data.target), "outputs/model.joblib")
"""

BARE = """
import http.server, json, sys
import joblib
model = joblib.load(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
        body = json.dumps({"predict": model.predict(rows).tolist()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""
BARE_PORT = 18924
ROW = '{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}'


def figures(place: Place) -> Iterator[Figure]:
    """Beside joblib.load in a bare http.server of the same build."""
    from azureml.core import Environment, Experiment, Model, ScriptRunConfig, Workspace
    from azureml.core.conda_dependencies import CondaDependencies

    folder = place.folder("train")
    (folder / "train.py").write_text(TRAIN)
    place.client  # noqa: B018 - starts the server
    workspace = Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    environment = Environment("sklearn")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["scikit-learn", "joblib"])
    run_ = Experiment(workspace, "train").submit(ScriptRunConfig(str(folder), "train.py", environment=environment))
    run_.wait_for_completion(raise_on_error=True)
    model = run_.register_model("iris", "outputs/model.joblib", model_framework=Model.Framework.SCIKITLEARN)
    (folder / "outputs").mkdir()
    run_.download_file("outputs/model.joblib", str(folder / "outputs" / "model.joblib"))
    build = _with_sklearn(place)

    def ours() -> float:
        services = []

        def deploy() -> None:
            service = Model.deploy(workspace, "iris-service", [model])
            services.append(service)
            service.wait_for_deployment()
            assert service.run(ROW) == {"predict": [0]}, service.get_logs()

        took = timed_ms(deploy)
        services[0].delete()
        return took

    def bare() -> float:
        process = subprocess.Popen(
            [str(build), "-c", BARE, str(folder / "outputs" / "model.joblib"), str(BARE_PORT)], env=clean_variables()
        )
        took = timed_ms(_first_answer)
        process.terminate()
        process.wait()
        return took

    mine, floor = interleaved(ours, bare)
    yield Figure("deploy to first answer", "ms", mine, "joblib.load in http.server", floor, Bar(ours=2000))


def _with_sklearn(place: Place) -> Path:
    for python in place.home.environments.glob("builds/*/bin/python"):
        try:
            run([python, "-c", "import sklearn"])
        except RuntimeError:
            continue
        return python
    raise RuntimeError("no build holds scikit-learn")


def _first_answer() -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            asked = urllib.request.Request(f"http://127.0.0.1:{BARE_PORT}/", ROW.encode())
            with urllib.request.urlopen(asked, timeout=10) as answer:
                assert json.load(answer) == {"predict": [0]}
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
