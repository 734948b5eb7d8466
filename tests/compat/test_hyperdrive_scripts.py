"""v1-style HyperDrive scripts in the forms that are in public use, as processes of their own against a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.server import RealServer

TRAIN = """
import argparse
from azureml.core.run import Run
parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float, default=1.0)
parser.add_argument("--max_iter", type=int, default=100)
args = parser.parse_args()
run = Run.get_context()
run.log("Regularization Strength:", float(args.C))
run.log("Accuracy", float(args.C) / 10 + args.max_iter / 1e6)
"""

ESTIMATOR = """
from azureml.core import Experiment, Workspace
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive.parameter_expressions import choice
from azureml.train.hyperdrive.policy import BanditPolicy
from azureml.train.hyperdrive.run import PrimaryMetricGoal
from azureml.train.hyperdrive.runconfig import HyperDriveConfig
from azureml.train.hyperdrive.sampling import GridParameterSampling

ws = Workspace.create("estimators", exist_ok=True)
est = Estimator(".", compute_target="local", entry_script="train.py", user_managed=True,
                script_params={"--C": 5, "--max_iter": 7})
config = HyperDriveConfig(
    estimator=est, hyperparameter_sampling=GridParameterSampling({"--C": choice(1, 2, 3)}),
    policy=BanditPolicy(evaluation_interval=2, slack_factor=0.1), primary_metric_name="Accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE, max_total_runs=10, max_concurrent_runs=2)
run = Experiment(ws, "old").submit(config, show_output=True)
run.wait_for_completion(show_output=False)
best = run.get_best_run_by_primary_metric()
assert best.get_details()["runDefinition"]["arguments"] == ["--max_iter", "7", "--C", "3"]  # v1-behaviours 12.6
assert len(run.get_hyperparameters()) == 3
"""

OLDER = """
from azureml.core import Experiment, Workspace
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import HyperDriveRunConfig, PrimaryMetricGoal, RandomParameterSampling, uniform

ws = Workspace.create("estimators", exist_ok=True)
est = Estimator(source_directory=".", entry_script="train.py", user_managed=True)
config = HyperDriveRunConfig(
    est, RandomParameterSampling({"C": uniform(1, 2)}), "Accuracy", PrimaryMetricGoal.MINIMIZE, 2)
run = Experiment(ws, "older").submit(config)
run.wait_for_completion()
metrics = run.get_metrics()
best = run.get_best_run_by_primary_metric()
assert metrics[best.id]["Accuracy"] == min(one["Accuracy"] for one in metrics.values())  # v1-behaviours 12.16
"""

ALONE = """
from azureml.core import Experiment, Workspace
from azureml.train.estimator import Estimator

ws = Workspace.create("estimators", exist_ok=True)
est = Estimator(".", entry_script="train.py", script_params={"--C": 4}, user_managed=True)
run = Experiment(ws, "alone").submit(est)
run.wait_for_completion()
assert run.get_status() == "Completed"
assert run.get_metrics()["Regularization Strength:"] == 4.0
"""


@pytest.mark.parametrize("script", [ESTIMATOR, OLDER, ALONE], ids=["estimator", "older", "alone"])
def test_it_runs_unmodified(shared_server: RealServer, tmp_path: Path, script: str):
    (tmp_path / "train.py").write_text(TRAIN)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=shared_server.variables(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
