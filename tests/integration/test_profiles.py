"""A profile of a model, measured by a service on a real server; what a killed one leaves is ended by the next."""

from __future__ import annotations

from pathlib import Path

from support.scripts import run_script
from support.server import RealServer

BEGIN = """
import json, os, pathlib, threading, time
from azureml.core import Dataset, Environment, Workspace
from azureml.core.model import InferenceConfig, Model
from azureml.core.profile import ModelProfile
from azureml.core.webservice import Webservice
from azureml.exceptions import WebserviceException
ws = Workspace.create("profiles", exist_ok=True)
pathlib.Path("requirements.txt").write_text("wheel")
env = Environment.from_pip_requirements("plain", "requirements.txt")
rows = "".join('"{""data"": %d}"\\n' % number for number in range(5))
pathlib.Path("rows.csv").write_text("request\\n" + rows)
dataset = Dataset.Tabular.from_delimited_files("rows.csv")
config = InferenceConfig("score.py", environment=env)
"""

KILLED = """
profile = Model.profile(ws, "killed", [], config, dataset)
while not [one for one in Webservice.list(ws) if one.name.startswith("profile-")]:
    time.sleep(0.05)
os._exit(0)
"""

WHOLE = """
assert "has ended" in ModelProfile(ws, "killed").get_details()["error"]
profile = Model.profile(ws, "whole", [], config, dataset, cpu=1, memory_in_gb=0.5, description="of a script")
profile.wait_for_completion(show_output=True)
told = ModelProfile(ws, "whole").get_details()
assert (told["state"], told["totalQueries"], told["successRate"]) == ("Succeeded", 100, 100.0), told
assert told["latencyPercentile50InMs"] <= told["latencyPercentile99InMs"]
assert profile.recommended_cpu >= 0.1 and 0.1 <= profile.recommended_memory <= 0.5, told
assert Webservice.list(ws) == []

pathlib.Path("score.py").write_text("def init(): pass\\ndef run(data): raise ValueError(data)")
profile = Model.profile(ws, "raises", [], config, dataset)
try:
    profile.wait_for_completion()
    raise AssertionError("it was measured")
except WebserviceException as error:
    assert "The first request was answered with 500" in error.message, error.message
"""


def test_a_profile_is_measured_and_leaves_nothing(shared_server: RealServer, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(
        "import json\ndef init(): pass\ndef run(data): return json.loads(data)['data']\n"
    )
    for script in (KILLED, WHOLE):
        (tmp_path / "profile.py").write_text(BEGIN + script)
        done = run_script(tmp_path, "profile.py", shared_server.home.root)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "Running\nSucceeded\n"
