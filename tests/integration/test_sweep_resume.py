"""Sweeps that go on from others, and sweeps that are tried again, as their users write it against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.server import RealServer, until

TRAIN = """
import argparse, os
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--a", type=int)
parser.add_argument("--resume-from")
args = parser.parse_args()
before = 0
if args.resume_from:
    before = int(open(os.path.join(args.resume_from, "state.txt")).read())
os.makedirs("outputs", exist_ok=True)
open("outputs/state.txt", "w").write(str(before + args.a))
Run.get_context().log("score", before + args.a)
"""

HEAD = """
import sys
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.train.hyperdrive import (
    BayesianParameterSampling, GridParameterSampling, HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling,
    choice)
from azureml.train.hyperdrive.exceptions import HyperDriveConfigException
ws = Workspace.create("resumed", exist_ok=True)
env = Environment("own")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
src = ScriptRunConfig(".", "train.py", environment=env)
space = {"a": choice(1, 2, 3, 4)}

def swept(sampling, count, **more):
    config = HyperDriveConfig(sampling, "score", PrimaryMetricGoal.MAXIMIZE, count, 2, run_config=src, **more)
    run = Experiment(ws, "resumed").submit(config)
    run.wait_for_completion()
    return run

def tried(run):
    return sorted(int(child.get_details()["runDefinition"]["arguments"][-1]) for child in run.get_children())
"""

FROM = (
    HEAD
    + """
first = swept(GridParameterSampling(space), 2)
assert tried(first) == [1, 2]
for sampling in (RandomParameterSampling, BayesianParameterSampling, GridParameterSampling):
    second = swept(sampling(space), 2, resume_from=first)
    assert len(tried(second)) == 2
    if sampling is not BayesianParameterSampling:
        assert tried(second) == [3, 4], tried(second)
    assert second.properties["resume_from"] == f'["{first.id}"]'
# The best of them all, unless those that were gone on from are left out.
third = swept(GridParameterSampling({"a": choice(0)}), 1, resume_from=[first, second])
assert third.get_best_run_by_primary_metric().id == second.get_best_run_by_primary_metric().id
assert third.get_best_run_by_primary_metric(include_resume_from_runs=False).id == third.id + "_0"
try:
    other = HyperDriveConfig(
        GridParameterSampling(space), "score", PrimaryMetricGoal.MINIMIZE, 2, run_config=src, resume_from=first)
    Experiment(ws, "resumed").submit(other)
except HyperDriveConfigException as error:
    assert "maximize score" in str(error), error
else:
    raise AssertionError("another goal was taken")
print("ENDED WELL")
"""
)

CHILDREN = (
    HEAD
    + """
first = swept(GridParameterSampling(space), 3)
best = first.get_best_run_by_primary_metric()
second = swept(GridParameterSampling(space), 2, resume_child_runs=[best])
again, fresh = sorted(second.get_children(), key=lambda child: child.id)
arguments = again.get_details()["runDefinition"]["arguments"]
assert arguments[0] == "--resume-from" and arguments[2:] == ["--a", "3"], arguments
assert again.get_metrics()["score"] == 6  # what it had saved, and as much again
assert "--resume-from" not in fresh.get_details()["runDefinition"]["arguments"]
print("ENDED WELL")
"""
)


@pytest.mark.parametrize("script", [FROM, CHILDREN], ids=["resume_from", "resume_child_runs"])
def test_a_sweep_goes_on_from_others(shared_server: RealServer, tmp_path: Path, script: str):
    # v1-behaviours 12.21
    (tmp_path / "train.py").write_text(TRAIN)
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=shared_server.variables(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "ENDED WELL" in ended.stdout


HALF = """
import argparse, os, sys, time
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
args = parser.parse_args()
run = Run.get_context()
number = int(run.id.rpartition("_")[2])
with open({began!r}, "a") as began:
    began.write(f"{{number}}\\n")
run.log("value", args.x)
if not os.path.exists({flag!r}):
    if number == 1:
        sys.exit(3)
    while number > 1:
        time.sleep(0.02)
"""


def test_a_cancelled_sweep_is_resumed_with_exactly_what_it_lacks(shared_server: RealServer, tmp_path: Path):
    flag, began = tmp_path / "go", tmp_path / "began"
    (tmp_path / "train.py").write_text(HALF.format(flag=str(flag), began=str(began)))
    user = CommandLine(shared_server, "resumed-cli", tmp_path)
    options = ("--random", "x=uniform(0,1)", "--metric", "value", "--runs", "6", "--concurrent", "2")
    sweep = user.cli("sweep", "train.py", *options, "--detach").out.split()[0]

    def begun() -> list[int]:
        return sorted(map(int, began.read_text().split())) if began.exists() else []

    until(lambda: begun() == [0, 1, 2, 3], seconds=60, what="two trials that are over, and two that wait")
    user.cli("cancel", sweep)
    until(lambda: user.json("show", sweep)["run"]["status"] == "Canceled", seconds=60, what="the end of the sweep")
    drawn = {one["trial"]["number"]: one["trial"]["parameters"] for one in user.json("sweep", "trials", sweep)}
    assert "goes on" not in user.cli("sweep", "best", sweep).out
    flag.touch()
    told = user.json("sweep", "resume", sweep)
    assert told["statuses"] == {"Completed": 6}
    trials = {one["trial"]["number"]: one["trial"]["parameters"] for one in user.json("sweep", "trials", sweep)}
    assert sorted(trials) == list(range(6))
    assert {number: trials[number] for number in drawn} == drawn
    # The first was over: it is not run again. The one that failed and those that were cancelled are, once each.
    assert begun() == [0, 1, 1, 2, 2, 3, 3, 4, 5]
    assert len({json.dumps(parameters) for parameters in trials.values()}) == 6
