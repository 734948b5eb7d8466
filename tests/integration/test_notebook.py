"""v1's notebook, cell by cell in a kernel of Jupyter's: a widget that is drawn anew beside the cells that follow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support.installs import install
from support.server import RealServer

TRAIN = """
import sys, time
from azureml.core import Run
run = Run.get_context()
for step in range(3):
    run.log("Accuracy", float(sys.argv[-1]) * step)
    time.sleep(0.1)
"""

CELLS = [
    """
import sys
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.train.hyperdrive import HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling, uniform
from azureml.widgets import RunDetails
ws = Workspace.create("cells", exist_ok=True)
env = Environment("own")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
src = ScriptRunConfig(".", "train.py", environment=env)
config = HyperDriveConfig(RandomParameterSampling({"--C": uniform(0.5, 2)}), "Accuracy", PrimaryMetricGoal.MAXIMIZE,
                          3, 2, run_config=src)
run = Experiment(ws, "notebook").submit(config)
""",
    "RunDetails(run).show()\nshown_at = run.get_status()",
    "run.wait_for_completion(show_output=True)\nassert run.get_status() == 'Completed'",
    """
import time
time.sleep(2)  # the widget's own thread draws the end
assert shown_at == "Running", shown_at
best = run.get_best_run_by_primary_metric()
print(best.get_details()["runDefinition"]["arguments"])
""",
]

EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read("notebook.ipynb", as_version=4)
NotebookClient(notebook, timeout=100, kernel_name="python3").execute()
nbformat.write(notebook, "executed.ipynb")
"""


def test_a_widget_shows_a_sweep_from_its_first_trial_to_its_end(shared_server: RealServer, tmp_path: Path):
    python = install(tmp_path / "installed", "nbclient", "ipykernel")
    cells = [
        {"cell_type": "code", "id": f"c{place}", "source": text, "metadata": {}, "outputs": [], "execution_count": None}
        for place, text in enumerate(CELLS)
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebook.ipynb").write_text(json.dumps(notebook))
    (tmp_path / "train.py").write_text(TRAIN)
    ended = subprocess.run(
        [python, "-c", EXECUTE],
        cwd=tmp_path,
        env=shared_server.variables(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    executed = json.loads((tmp_path / "executed.ipynb").read_text())["cells"]
    drawn = [output for output in executed[1]["outputs"] if output["output_type"] == "display_data"]
    assert len(drawn) == 1  # updated in its place, however often
    text = "".join(drawn[0]["data"]["text/html"])
    assert "3 of 3 over (3 Completed)" in text
    assert "Completed" in text
    assert "Accuracy" in text
    assert "['--C', '" in "".join(executed[3]["outputs"][0]["text"])
