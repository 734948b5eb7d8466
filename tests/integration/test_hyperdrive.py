"""v1's way to sweep and the command line's, against a real server: each trial is a real process."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.server import RealServer

SCRIPT = """
import argparse, os, sys, time
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float)
parser.add_argument("--kernel")
parser.add_argument("--base", default="0")
args = parser.parse_args()
run = Run.get_context()
for step in range(3):
    run.log("Accuracy", 1 / (1 + abs(args.C - 1)) * (step + 1) / 3)
os.makedirs("outputs", exist_ok=True)
open("outputs/model.txt", "w").write(args.kernel)
print("kernel", args.kernel, "base", args.base)
"""

NOTEBOOK = """
import sys
from azureml.core import Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.train.hyperdrive import (
    BanditPolicy, HyperDriveConfig, HyperDriveRun, PrimaryMetricGoal, RandomParameterSampling, choice, uniform)
from azureml.widgets import RunDetails

ws = Workspace.create("notebook", subscription_id="s", resource_group="g", exist_ok=True)
env = Environment("own")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
src = ScriptRunConfig(".", "train.py", arguments=["--base", "7"], environment=env)
sampling = RandomParameterSampling({"--C": uniform(0.5, 2), "--kernel": choice("rbf", "linear")})
config = HyperDriveConfig(
    hyperparameter_sampling=sampling, primary_metric_name="Accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE, max_total_runs=4, max_concurrent_runs=2,
    policy=BanditPolicy(evaluation_interval=2, slack_factor=0.9), run_config=src)
run = Experiment(ws, "sweep").submit(config)
assert isinstance(run, HyperDriveRun) and run.id.startswith("HD_")
RunDetails(run).show()
run.wait_for_completion(show_output=True)
assert run.get_status() == "Completed"
best = run.get_best_run_by_primary_metric()
arguments = best.get_details()["runDefinition"]["arguments"]
assert arguments[:2] == ["--base", "7"] and arguments[2] == "--C" and arguments[4] == "--kernel", arguments
assert "outputs/model.txt" in best.get_file_names()
model = best.register_model("best", model_path="outputs/model.txt")
assert model.run_id == best.id
metrics = run.get_metrics()
assert len(metrics) == 4 and all(len(held["Accuracy"]) == 3 for held in metrics.values())
assert metrics[best.id]["Accuracy"][-1] == max(max(held["Accuracy"]) for held in metrics.values())
ordered = run.get_children_sorted_by_primary_metric()
assert [one["run_id"] for one in ordered][0] == best.id and len(ordered) == 4
assert set(run.get_hyperparameters()) == {f"{run.id}_{number}" for number in range(4)}
assert run.get_tags()[best.id] == ordered[0]["hyperparameters"]
again = Run.get(ws, run.id)
assert type(again) is HyperDriveRun and again.hyperdrive_config is None
nothing = HyperDriveConfig(sampling, "accuracy", PrimaryMetricGoal.MAXIMIZE, 1, run_config=src)
empty = Experiment(ws, "sweep").submit(nothing)
empty.wait_for_completion()
assert empty.get_best_run_by_primary_metric() is None
print("ENDED WELL", best.id)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sources é"
    made.mkdir()
    (made / "train.py").write_text(textwrap.dedent(SCRIPT))
    return made


def test_the_notebooks_sequence(shared_server: RealServer, folder: Path):
    import subprocess

    (folder / "notebook.py").write_text(NOTEBOOK)
    ended = subprocess.run(
        [sys.executable, "notebook.py"],
        cwd=folder,
        env=shared_server.variables(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "ENDED WELL" in ended.stdout
    # v1-behaviours 12.20, 2.14
    assert "Streaming azureml-logs/hyperdrive.txt" in ended.stdout
    assert "Execution Summary" in ended.stdout
    assert "Trials: 4 of 4 over (4 Completed)" in ended.stdout
    # complaints 23 to 25
    assert "logged the primary metric 'accuracy'" in ended.stderr
    assert 'did you mean "Accuracy"' in ended.stderr


@pytest.fixture
def place(shared_server: RealServer, folder: Path) -> CommandLine:
    return CommandLine(shared_server, f"sweep{abs(hash(folder)) % 10**9}", folder)


SWEEP = ("sweep", "train.py", "--random", "C=uniform(0.5,2)", "--random", "kernel=rbf,linear", "--metric", "Accuracy")


def test_a_sweep_from_the_command_line(place: CommandLine):
    options = ("--runs", "3", "--seed", "5", "--policy", "median(delay_evaluation=9)", "-w", place.name)
    told = place.cli(*SWEEP, *options, "--", "--base", "2")
    lines = told.err.splitlines()
    assert any(line.startswith("3 of 3 trials, best Accuracy") for line in lines), told.err
    best = place.json("sweep", "best")
    trials = place.json("sweep", "trials")
    assert trials[0]["trial"]["run_id"] == best["trial"]["run_id"]
    assert len({json.dumps(one["trial"]["parameters"]) for one in trials}) == 3
    assert "kernel" in place.cli("sweep", "trials").out
    assert "has decided nothing" in place.cli("sweep", "explain", code=1).err
    log = place.cli("logs", best["trial"]["run_id"]).out
    assert f"kernel {best['trial']['parameters']['kernel']} base 2" in log


def test_a_sweep_is_extended_and_explained(place: CommandLine):
    first = place.json(*SWEEP, "--runs", "2", "--concurrent", "1", "--policy", "bandit(slack_factor=5)")
    assert first["run"]["status"] == "Completed"
    more = place.json("sweep", "extend", "--runs", "2")
    assert more["statuses"] == {"Completed": 4}
    assert more["run"]["id"] == first["run"]["id"]
    decisions = place.json("sweep", "explain")
    assert decisions
    assert all(one["why"] for one in decisions)
    assert "slack_factor" in place.cli("sweep", "explain").out


def test_v1s_file_is_read(place: CommandLine):
    (place.folder / "hdconfig.yml").write_text(
        "sampling: {type: grid, parameter_space: [{name: C, expression: choice, values: [1, 2]},"
        " {name: kernel, expression: choice, values: [rbf]}]}\n"
        "primary_metric_name: Accuracy\nprimary_metric_goal: maximize\nmax_total_runs: 10\nmax_concurrent_runs: 2\n"
    )
    told = place.json("sweep", "train.py", "--config", "hdconfig.yml")
    assert told["statuses"] == {"Completed": 2}
    assert told["best"]["trial"]["parameters"] == {"C": 1, "kernel": "rbf"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sweep", "train.py", "--metric", "Accuracy"), "needs parameters"),
        (("sweep", "train.py", "--random", "C=uniform(0,1)"), "needs a primary metric"),
        (("sweep", "train.py", "--random", "C=uniform(1,0)", "--metric", "A", "--runs", "0"), "2 fields are wrong"),
        (("sweep", "train.py", "--grid", "C=uniform(0,1)", "--metric", "A"), "a grid takes choice alone"),
        (("sweep", "nothing.py", "--random", "C=uniform(0,1)", "--metric", "A"), "nothing.py"),
        (("sweep", "best", "nothing"), "No run"),
    ],
)
def test_bad_input_is_one_clear_error(place: CommandLine, arguments: tuple[str, ...], words: str):
    assert words in place.cli(*arguments, code=1).err


def test_a_terminal_shows_a_bar_and_a_table(place: CommandLine):
    shown = place.on_terminal(*SWEEP, "--runs", "3", says="")
    assert "█" in shown
    assert "TRIAL" in shown
    assert "3 of 3 trials" in shown
