"""v1's notebook cells on runs, unmodified."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.server import RealServer

SPEC = Path(__file__).parents[3] / "shared" / "spec" / "surface_check.py"

NOTEBOOK = """
import os
from azureml.core import Workspace, Experiment, Run

ws = Workspace.create(name="demo", exist_ok=True)
experiment = Experiment(workspace=ws, name="train-on-local")
os.makedirs("outputs", exist_ok=True)
with open("helper.py", "w") as f:
    f.write("x = 1")

run = experiment.start_logging(snapshot_directory=".")
run.log("trial", 1)
run.log_list("Fibonacci", [0, 1, 1, 2, 3])
run.log_row("Y over X", x=1, y=0.4)
run.log_row("Y over X", x=2, y=0.8)
run.log_table("Sine", {"angle": [0, 1], "sine": [0.0, 0.84]})
run.log("count", 5)
run.log("nan", float("nan"))
run.tag("quality", "fantastic run")
with open("outputs/model.pkl", "wb") as f:
    f.write(b"model")
run.upload_file(name="reports/config.txt", path_or_stream="helper.py")
for alpha in [0.1, 0.2]:
    with run.child_run("alpha-" + str(alpha)) as child:
        child.log("alpha", alpha)
run.complete()

metrics = run.get_metrics()
assert metrics["trial"] == 1 and metrics["Fibonacci"] == [0, 1, 1, 2, 3], metrics
assert metrics["Y over X"] == {"x": [1, 2], "y": [0.4, 0.8]}, metrics
assert metrics["Sine"] == {"angle": [0, 1], "sine": [0.0, 0.84]}, metrics
assert metrics["count"] == 5 and metrics["nan"] != metrics["nan"]
assert {"outputs/model.pkl", "reports/config.txt"} <= set(run.get_file_names())
children = list(run.get_children())
assert [c.get_metrics()["alpha"] for c in children] == [0.2, 0.1]
assert all(c.parent.id == run.id and c.get_status() == "Completed" for c in children)
best = max(children, key=lambda c: c.get_metrics()["alpha"])
assert len(run.get_metrics(recursive=True)) == 3
assert [r.id for r in experiment.get_runs(tags={"quality": "fantastic run"})] == [run.id]
model = run.register_model(model_name="best", model_path="outputs/model.pkl")
assert model.name == "best" and model.run_id == run.id
run.download_file("outputs/model.pkl", "down.pkl")
assert open("down.pkl", "rb").read() == b"model"
assert run.get_snapshot_id()
offline = Run.get_context()
offline.log("accuracy", 0.9)
assert offline.id.startswith("OfflineRun_")
print("done", run.get_portal_url())
"""


def test_v1s_cells_on_interactive_and_child_runs_work_as_they_are(fresh_server: RealServer, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK],
        env=fresh_server.variables(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith("done http"), done.stderr


@pytest.mark.skipif(not SPEC.exists(), reason="surface-spec: the facts of v1's surface are not on this machine")
@pytest.mark.parametrize("module", ["azureml.core.run", "azureml.core.experiment"])
def test_nothing_of_the_modules_of_runs_is_missing(module: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SPEC), "--tier", "3", "--module", module, "--missing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
