"""A whole sweep: a hundred trials of an unmodified script, two at a time, beside bare forks and who else sweeps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.peers import peer
from benchmarks.place import Place, Skipped, run
from benchmarks.warm_starts import HUNDRED, NO_TRACKING, RAY_TUNE, TRAIN, forked

PAIRS = 3
PACKAGES = ("scikit-learn", "joblib")
XARGS_RUNS, RAY_TRIALS = 20, 10
"""Those who need a second and more a trial are asked for so many."""
NAME = "a sweep of a hundred, two at a time"

OPTUNA = """
import os, sys, tempfile, time
import optuna
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC
optuna.logging.set_verbosity(optuna.logging.WARNING)
def train(trial):
    iris = datasets.load_iris()
    x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, random_state=0)
    penalty = trial.suggest_float("penalty", 0.1, 10)
    return SVC(kernel="linear", C=penalty, gamma="auto").fit(x_train, y_train).score(x_test, y_test)
with tempfile.TemporaryDirectory() as folder:
    began = time.perf_counter()
    study = optuna.create_study(
        storage=f"sqlite:///{folder}/o.db", direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    study.optimize(train, n_trials=int(sys.argv[1]), n_jobs=2)
    print((time.perf_counter() - began) / int(sys.argv[1]))
"""
"""A function in one process: no scripts, no logs, no outputs."""


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """The least first, then those who start a process a trial, or none."""
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
    from azureml.core.conda_dependencies import CondaDependencies
    from azureml.train.hyperdrive import HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling, uniform

    folder, plain = place.folder("iris"), place.folder("plain")
    (folder / "train_iris.py").write_text(TRAIN)
    (plain / "train_iris.py").write_text(TRAIN)
    (plain / "azureml" / "core").mkdir(parents=True)
    (plain / "azureml" / "core" / "run.py").write_text(NO_TRACKING)
    place.client  # noqa: B018 - starts the server
    workspace = Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    environment = Environment("warm")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["scikit-learn", "joblib"])
    config = ScriptRunConfig(str(folder), "train_iris.py", ["--kernel", "linear"], environment=environment)
    experiment = Experiment(workspace, "iris")

    def hundred() -> float:
        sweep = HyperDriveConfig(
            RandomParameterSampling({"penalty": uniform(0.1, 10)}),
            "Accuracy",
            PrimaryMetricGoal.MAXIMIZE,
            HUNDRED,
            max_concurrent_runs=2,
            run_config=config,
        )
        began = time.perf_counter()
        told = experiment.submit(sweep)
        told.wait_for_completion()
        took = time.perf_counter() - began
        assert told.get_status() == "Completed", told.get_details()
        assert [child.status for child in told.get_children()] == ["Completed"] * HUNDRED
        return took

    hundred()
    python = place.python_with("sklearn")
    mine, floor = interleaved(hundred, lambda: forked(python, plain, HUNDRED), pairs=PAIRS)
    yield Figure(NAME, "s", mine, "bare forks, two at a time", floor, Bar(ratio=3))
    for who, bar, prepare in (
        ("xargs -P2 python", Bar(ratio=1), lambda: (XARGS_RUNS, _xargs(python, plain))),
        ("Ray Tune, a function", Bar(ratio=1), lambda: (RAY_TRIALS, _ray_tune(plain))),
        ("Optuna, a function, n_jobs=2, SQLite", Bar(), lambda: (HUNDRED, _optuna(plain))),  # no scripts, no records
    ):
        try:
            count, theirs = prepare()
            mine, other = interleaved(hundred, lambda: theirs() * HUNDRED, pairs=1, warm=False)  # noqa: B023
        except (Skipped, RuntimeError) as error:
            yield Skipped(f"{who}: {str(error)[-300:]}")
            continue
        note = f"theirs is that of {count}, made a hundred" if count < HUNDRED else ""
        yield Figure(NAME, "s", mine, who, other, bar, is_peer=True, note=note)


def _xargs(python: Path, folder: Path) -> Callable[[], float]:
    line = f"seq {XARGS_RUNS} | xargs -P2 -I@ '{python}' train_iris.py --kernel linear"
    return lambda: timed_ms(lambda: run(["sh", "-c", line], folder=folder)) / 1000 / XARGS_RUNS


def _ray_tune(folder: Path) -> Callable[[], float]:
    python = peer("ray[tune]", "import ray.tune, sklearn", also=PACKAGES)

    def measure() -> float:
        with tempfile.TemporaryDirectory(prefix="r-", dir="/tmp") as place:  # sockets lie below it: a short path
            told = run([python, "-c", RAY_TUNE, str(RAY_TRIALS), place], folder=folder, HOME=place)
            return float(told.splitlines()[-1])

    return measure


def _optuna(folder: Path) -> Callable[[], float]:
    python = peer("optuna", "import optuna, sklearn", also=PACKAGES)
    return lambda: float(run([python, "-c", OPTUNA, str(HUNDRED)], folder=folder).splitlines()[-1])
