"""v1-style deployment scripts in the forms that are in public use, as processes of their own against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.scripts import run_script
from support.server import RealServer

SCORE = """
import json, os
from azureml.core.model import Model
from words import GREETING

def init():
    global weights
    root = os.environ["AZUREML_MODEL_DIR"]
    weights = {}
    for folder, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(folder, name)) as file:
                weights[os.path.relpath(os.path.join(folder, name), root)] = json.load(file)
    print("found", sorted(weights), Model.get_model_path("first"))

def run(raw_data):
    data = json.loads(raw_data)["data"]
    if data == "raise":
        raise ValueError("no such row")
    return {"result": [sum(weights.values()) * value for value in data], "models": sorted(weights), "says": GREETING}
"""

BEGIN = """
import json, pathlib, sys, time
from azureml.core import Environment, Workspace
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, AksEndpoint, AksWebservice, LocalWebservice, Webservice
from azureml.exceptions import WebserviceException

ws = Workspace.create(sys.argv[1], exist_ok=True)
pathlib.Path("requirements.txt").write_text("wheel")
env = Environment.from_pip_requirements("plain", "requirements.txt")
pathlib.Path("weight.json").write_text("2")
first = Model.register(ws, "weight.json", "first")
inference_config = InferenceConfig(entry_script="score.py", source_directory="source", environment=env)
test_data = json.dumps({"data": [1, 10]})

def answer_of(service, wanted, data=test_data):
    "The revision before may answer a moment longer than the next one takes to be ready."
    for _ in range(100):
        found = service.run(data)
        if found["says"] == wanted:
            return found
        time.sleep(0.1)
    raise AssertionError(found)
"""

LOCAL = """
deployment_config = LocalWebservice.deploy_configuration()
service = Model.deploy(ws, "on-this-machine", [first], inference_config, deployment_config)
assert service.state in ("deploying", "running"), service.state
service.wait_for_deployment(show_output=True)
assert service.state == "running"
assert service.scoring_uri == "http://localhost:%d/score" % service.port  # v1-behaviours 15.19
assert service.run(test_data) == {"result": [2, 20], "models": ["weight.json"], "says": "hello"}
assert "found ['weight.json']" in service.get_logs()

pathlib.Path("source/words.py").write_text("GREETING = 'good day'")
service.reload(wait=True)
assert answer_of(LocalWebservice(ws, "on-this-machine"), "good day")["result"] == [2, 20]

try:
    service.run(json.dumps({"data": "raise"}))
    raise AssertionError("it was answered")
except WebserviceException as error:
    assert "Scoring was unsuccessful" in error.message and "no such row" in error.message  # v1-behaviours 19k

pathlib.Path("source/bad.py").write_text("def init():\\n    raise ValueError('no weights')\\ndef run(data): pass")
try:
    service.update(inference_config=InferenceConfig("bad.py", source_directory="source", environment=env), wait=True)
    raise AssertionError("it was deployed")
except WebserviceException as error:
    assert "Did your init method fail?" in error.message and "no weights" in error.message
assert service.state == "failed"
service.update(inference_config=inference_config, wait=True)
assert [found.name for found in LocalWebservice.list(ws)] == ["on-this-machine"]
service.delete()
assert service.state == "deleted"
assert LocalWebservice.list(ws, all=True) == []
"""

ACI = """
pathlib.Path("folder").mkdir()
pathlib.Path("folder/more.json").write_text("3")
second = Model.register(ws, "folder", "second", tags={"of": "folder"})
config = AciWebservice.deploy_configuration(
    cpu_cores=1, memory_gb=1, auth_enabled=True, tags={"area": "iris"}, description="asks two models",
    primary_key="the-first-key-of-two", secondary_key="the-second-key-of-two")
Model.print_configuration([first, second], inference_config, config, None)
service = Model.deploy(workspace=ws, name="two-models", models=[first, second], inference_config=inference_config,
                       deployment_config=config)
service.wait_for_deployment(True)
assert service.state == "Healthy"
expected = ["first/1/weight.json", "second/1/folder/more.json"]  # v1-behaviours 15.18
assert service.run(test_data) == {"result": [5, 50], "models": expected, "says": "hello"}
assert service.get_keys() == ("the-first-key-of-two", "the-second-key-of-two")

try:
    Model.deploy(ws, "two-models", [first], inference_config, config)
    raise AssertionError("it was deployed twice")
except WebserviceException as error:
    assert "two-models" in error.message  # v1-behaviours 15.1
try:
    second.delete()
    raise AssertionError("a model in use was deleted")
except WebserviceException:
    pass  # v1-behaviours 14.6

found = Webservice(ws, "two-models")
assert type(found) is AciWebservice and found.tags == {"area": "iris"}
assert [one.name for one in Webservice.list(ws, compute_type="ACI", model_name="second", tags=[["area", "iris"]])] == [
    "two-models"]
found.regen_key("Primary")
found.regen_key("Secondary")
assert found.get_keys()[0] != "the-first-key-of-two"
assert found.run(test_data)["result"] == [5, 50]  # v1-behaviours 15.24
found.update(models=[first], tags={"area": "one"}, description="asks one model")
found.wait_for_deployment()
for _ in range(100):
    if found.run(test_data)["result"] == [2, 20]:
        break
    time.sleep(0.1)
assert found.run(test_data)["models"] == ["weight.json"]
found.update(auth_enabled=False)
found.wait_for_deployment()
assert (found.auth_enabled, found.run(test_data)["result"], dict(found.tags)) == (False, [2, 20], {"area": "one"})
service.update_deployment_state()
assert service.description == "asks one model"
found.delete()
found.delete()
try:
    Webservice(ws, "two-models")
    raise AssertionError("it is still there")
except WebserviceException as error:
    assert error.message.startswith("WebserviceNotFound")  # v1-behaviours 15.25
second.delete()
"""

AKS = """
from azureml.core.compute import AksCompute, ComputeTarget
target = ComputeTarget.create(ws, "aks-one", AksCompute.provisioning_configuration())
target.wait_for_completion(show_output=True)
config = AksWebservice.deploy_configuration(num_replicas=2, token_auth_enabled=True, cpu_cores=0.1, memory_gb=0.5,
                                            scoring_timeout_ms=5000)
service = Model.deploy(ws, "on-aks", [first], inference_config, config, deployment_target=target)
service.wait_for_deployment(show_output=True)
assert (type(service), service.compute_name, service.num_replicas) == (AksWebservice, "aks-one", 2)
assert service.run(test_data)["result"] == [2, 20]
token, refresh_after = service.get_token()
assert service.get_access_token().token_type == "Bearer"
service.update(num_replicas=1, description="one")
service.wait_for_deployment()
assert service.run(test_data)["result"] == [2, 20]

config = AksEndpoint.deploy_configuration(version_name="first", traffic_percentile=100, num_replicas=1,
                                          auth_enabled=False)
endpoint = Model.deploy(ws, "an-endpoint", [first], inference_config, config, target)
endpoint.wait_for_deployment(show_output=True)
assert type(endpoint) is AksEndpoint and type(Webservice(ws, "an-endpoint")) is AksEndpoint
assert endpoint.run(test_data)["says"] == "hello"
pathlib.Path("source/words.py").write_text("GREETING = 'second'")
endpoint.create_version("second", models=[first], inference_config=inference_config, num_replicas=1,
                        traffic_percentile=0)
endpoint.versions["second"].wait_for_deployment()
try:
    endpoint.update_version("second", traffic_percentile=50)
    raise AssertionError("the shares are beyond all")
except WebserviceException as error:
    assert "150 %" in error.message
endpoint.update_version("first", traffic_percentile=0)
endpoint.update_version("second", traffic_percentile=100, is_default=True)
assert answer_of(endpoint, "second")["result"] == [2, 20]
assert endpoint.versions["second"].traffic_percentile == 100 and endpoint.versions["second"].is_default
endpoint.delete_version("first")
assert list(endpoint.versions) == ["second"] and endpoint.run(test_data)["says"] == "second"
endpoint.delete()
service.delete()
"""

OLDER = """
from azureml.core.image import ContainerImage
pathlib.Path("env.yml").write_text("dependencies:\\n  - pip:\\n    - wheel\\n")
pathlib.Path("score_older.py").write_text(
    "import sys, os; sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'source'))\\n"
    + pathlib.Path("source/score.py").read_text())
image_config = ContainerImage.image_configuration(
    execution_script="score_older.py", runtime="python", conda_file="env.yml", dependencies=["source/words.py"])
service = Webservice.deploy_from_model(
    workspace=ws, name="older", models=[first], image_config=image_config,
    deployment_config=AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1))
service.wait_for_deployment(show_output=True)
assert service.run(input_data=test_data)["result"] == [2, 20]
service.delete()

old = InferenceConfig("score.py", "python", "../env.yml", source_directory="source")
service = Model.deploy(ws, "older-still", [first], old, LocalWebservice.deploy_configuration())
service.wait_for_deployment()
assert service.run(input_data=test_data)["says"] == "hello"
service.delete()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "an owner's scripts é"
    (made / "source").mkdir(parents=True)
    (made / "source" / "score.py").write_text(SCORE)
    (made / "source" / "words.py").write_text("GREETING = 'hello'")
    return made


@pytest.mark.parametrize(
    ("name", "script", "last"),
    [
        ("local", LOCAL, "Local webservice is running at http://localhost:"),
        ("aci", ACI, 'ACI service creation operation finished, operation "Succeeded"'),  # v1-behaviours 15.22
        ("aks", AKS, 'AKSENDPOINT service creation operation finished, operation "Succeeded"'),
        ("older", OLDER, 'ACI service creation operation finished, operation "Succeeded"'),
    ],
    ids=["local", "aci", "aks", "older"],
)
def test_it_runs_unmodified(shared_server: RealServer, folder: Path, name: str, script: str, last: str) -> None:
    (folder / "deploy.py").write_text(BEGIN + script)
    done = run_script(folder, "deploy.py", shared_server.home.root, f"serving-{name}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert last in done.stdout
