"""Warm starts: train_iris as one run and as a hundred, beside plain Python, bare forks and who starts processes."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.peers import peer
from benchmarks.place import Place, Skipped, clean_variables, run

TRAIN = """
import argparse
import os

import joblib
from azureml.core.run import Run
from sklearn import datasets
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

run = Run.get_context()
parser = argparse.ArgumentParser()
parser.add_argument("--kernel", default="linear")
parser.add_argument("--penalty", type=float, default=1.0)
args = parser.parse_args()
run.log("Kernel type", args.kernel)
run.log("Penalty", args.penalty)
iris = datasets.load_iris()
x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, random_state=0)
model = SVC(kernel=args.kernel, C=args.penalty, gamma="auto").fit(x_train, y_train)
accuracy = model.score(x_test, y_test)
print(f"Accuracy of SVM classifier on test set: {accuracy:.2f}")
print(confusion_matrix(y_test, model.predict(x_test)))
run.log("Accuracy", accuracy)
os.makedirs("outputs", exist_ok=True)
joblib.dump(model, "outputs/model.joblib")
"""

NO_TRACKING = """
class Run:
    @staticmethod
    def get_context():
        return Run()
    def log(self, name, value):
        print(name, value)
"""
"""What the other sides import as azureml.core.run: they track nothing."""

FORKS = """
import os, shutil, sys, tempfile, time
import joblib, sklearn.datasets, sklearn.metrics, sklearn.model_selection, sklearn.svm
import azureml.core.run
script, at_once, count = os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
place = tempfile.mkdtemp()

def start(number):
    folder = os.path.join(place, str(number))
    os.mkdir(folder)
    shutil.copy(script, folder)
    pid = os.fork()
    if pid:
        return pid
    os.chdir(folder)
    os.dup2(os.open("std_log.txt", os.O_WRONLY | os.O_CREAT), 1)
    sys.argv = [script, "--kernel", "linear"]
    exec(compile(open(script).read(), script, "exec"), {"__name__": "__main__"})
    sys.stdout.flush()
    os._exit(0)

sys.stdin.readline()
began = time.perf_counter()
for number in range(count):
    if number >= at_once:
        assert os.wait()[1] == 0
    start(number)
for _ in range(min(count, at_once)):
    assert os.wait()[1] == 0
print(time.perf_counter() - began)
shutil.rmtree(place)
"""
"""The least that a fork a run can cost: a copied folder, a log, no records, no limits, nothing made afresh."""

RAY_JOBS = """
import os, sys, time
import ray
from ray.job_submission import JobSubmissionClient
script, count, place = sys.argv[1], int(sys.argv[2]), sys.argv[3]
head = ray.init(num_cpus=2, include_dashboard=True, log_to_driver=False, _temp_dir=place)
client = JobSubmissionClient("http://" + head.dashboard_url)
def submit():
    return client.submit_job(
        entrypoint=f"{sys.executable} {script} --kernel linear",
        runtime_env={"working_dir": os.path.dirname(os.path.abspath(script))})
def is_going(job):
    status = client.get_job_status(job)
    assert str(status) in ("PENDING", "RUNNING", "SUCCEEDED"), client.get_job_logs(job)
    return not status.is_terminal()
def measure(count):
    began = time.perf_counter()
    left, going = count, []
    while left or going:
        while left and len(going) < 2:
            going.append(submit())
            left -= 1
        going = [job for job in going if is_going(job)]
        time.sleep(0.02)
    return (time.perf_counter() - began) / count
measure(2)
print(measure(count))
"""
"""A head of its own, which ends with this process; one pair of jobs before those that count."""

RAY_TUNE = """
import sys, time
import ray
from ray import tune
def train(config):
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    from sklearn.svm import SVC
    iris = datasets.load_iris()
    x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, random_state=0)
    model = SVC(kernel="linear", C=config["penalty"], gamma="auto").fit(x_train, y_train)
    tune.report({"accuracy": model.score(x_test, y_test)})
count, place = int(sys.argv[1]), sys.argv[2]
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=place)
def measure(count):
    began = time.perf_counter()
    tuner = tune.Tuner(
        train, param_space={"penalty": tune.uniform(0.1, 10)},
        run_config=tune.RunConfig(storage_path=place + "/results", verbose=0),
        tune_config=tune.TuneConfig(num_samples=count, max_concurrent_trials=2))
    assert tuner.fit().num_errors == 0
    return (time.perf_counter() - began) / count
measure(2)
print(measure(count))
"""

MLFLOW = """
import sys, time, mlflow
mlflow.set_tracking_uri(sys.argv[2])
count = int(sys.argv[3])
mlflow.search_experiments()  # makes the tables
began = time.perf_counter()
going = []
for number in range(count):
    if len(going) == 2:
        assert going.pop(0).wait()
    going.append(mlflow.projects.run(sys.argv[1], parameters={}, env_manager="local", synchronous=False))
for one in going:
    assert one.wait()
print((time.perf_counter() - began) / count)
"""

MEMORY = """
with open("/proc/self/smaps_rollup") as file:
    for line in file:
        kind, _, text = line.partition(":")
        if kind in ("Pss", "Private_Clean", "Private_Dirty"):
            run.log(kind, int(text.split()[0]) / 1000)
"""
"""At the end of a script: what its process holds, in MB: its share, and what no other process has."""

HUNDRED = 100
XARGS_RUNS, RAY_RUNS, MLFLOW_RUNS = 30, 20, 8
"""Those who need a second and more a run are asked for so many, and the figure is that of one."""


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """One run, a hundred two at a time, the memory of it; then those who start a process a run."""
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
    from azureml.core.compute import AmlCompute, ComputeTarget
    from azureml.core.conda_dependencies import CondaDependencies

    folder, plain = place.folder("iris"), place.folder("plain")
    (folder / "train_iris.py").write_text(TRAIN)
    (plain / "train_iris.py").write_text(TRAIN)
    (plain / "azureml" / "core").mkdir(parents=True)
    (plain / "azureml" / "core" / "run.py").write_text(NO_TRACKING)
    place.client  # noqa: B018 - starts the server
    workspace = Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    environment = Environment("warm")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["scikit-learn", "joblib"])
    asked = AmlCompute.provisioning_configuration(vm_size="STANDARD_D1_V2", min_nodes=2, max_nodes=2)
    ComputeTarget.create(workspace, "pair", asked).wait_for_completion()
    experiment = Experiment(workspace, "iris")

    def config(target: str, script: str = "train_iris.py") -> Any:
        arguments = ["--kernel", "linear"]
        return ScriptRunConfig(str(folder), script, arguments, compute_target=target, environment=environment)

    one, many = config("local"), config("pair")

    def single() -> None:
        told = experiment.submit(one)
        assert told.wait_for_completion()["status"] == "Completed", told.get_details()

    def hundred() -> float:
        began = time.perf_counter()
        held = [experiment.submit(many) for _ in range(HUNDRED)]
        for told in held:
            assert told.wait_for_completion()["status"] == "Completed", told.get_details()
        return time.perf_counter() - began

    single()
    python = place.python_with("sklearn")
    mine, floor = interleaved(
        lambda: timed_ms(single), lambda: timed_ms(lambda: run([python, "train_iris.py"], folder=plain)), pairs=11
    )
    yield Figure("train_iris warm, submit to Completed", "ms", mine, "python train_iris.py", floor, Bar(ratio=0.15))
    mine, floor = interleaved(lambda: timed_ms(single), lambda: 1000 * forked(python, plain, 1), pairs=11)
    yield Figure("train_iris warm, submit to Completed", "ms", mine, "a bare fork", floor, Bar())

    mine, floor = interleaved(hundred, lambda: forked(python, plain, HUNDRED), pairs=5)
    yield Figure("a hundred, two at a time", "s", mine, "bare forks, two at a time", floor, Bar(ratio=2.5))
    yield from _memory(place, folder, python, plain, lambda: experiment.submit(config("local", "memory.py")))
    for name, prepare in (
        ("xargs -P2 python", lambda: (XARGS_RUNS, _xargs(python, plain))),
        ("Ray Jobs", lambda: (RAY_RUNS, _ray_jobs(plain))),
        ("Ray Tune", lambda: (RAY_RUNS, _ray_tune(plain))),
        ("MLflow", lambda: (MLFLOW_RUNS, _mlflow(place, plain))),
    ):
        try:
            count, theirs = prepare()
            mine, other = interleaved(lambda: hundred() / HUNDRED, theirs, pairs=1, warm=False)
        except (Skipped, RuntimeError) as error:
            yield Skipped(f"{name}: {str(error)[-300:]}")
            continue
        note = f"ours of {HUNDRED} runs, theirs of {count}; a hundred: {100 * mine[0]:.1f} s, {100 * other[0]:.0f} s"
        words = "one of many, two at a time"
        yield Figure(words, "s a run", mine, name, other, Bar(ratio=1), is_peer=True, note=note)


def forked(python: Path, folder: Path, count: int) -> float:
    """Seconds, with the parent up."""
    process = subprocess.Popen(
        [str(python), "-c", FORKS, "train_iris.py", "2", str(count)],
        cwd=folder,
        env=clean_variables(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONPATH=str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(2.0)  # it imports
    told, _ = process.communicate("\n")
    if process.returncode:
        raise RuntimeError("the bare forks failed")
    return float(told.split()[-1])


def _memory(
    place: Place, folder: Path, python: Path, plain: Path, submit: Callable[[], Any]
) -> Iterator[Figure | Skipped]:
    """What parents hold while nothing runs, and what a run has at its end that its parent has not."""
    for each in (folder, plain):
        (each / "memory.py").write_text(TRAIN + MEMORY)
    told = submit()
    assert told.wait_for_completion()["status"] == "Completed", told.get_details()
    warm = told.get_metrics()
    cold = dict(line.rpartition(" ")[::2] for line in run([python, "memory.py"], folder=plain).splitlines())

    def private(figures: Mapping[str, Any]) -> float:
        return float(figures["Private_Clean"]) + float(figures["Private_Dirty"])

    words = "python train_iris.py at its end"
    held = [_shared_mb(pid) for pid in _parents(place)]
    if not held:
        yield Skipped("no warm parent is there")
        return
    yield Figure("memory of a warm parent (PSS)", "MB", held, words, [float(cold["Pss"])], Bar())
    note = f"its share of all that it sees (PSS) is {float(warm['Pss']):.0f} MB"
    yield Figure(
        "memory of a warm run beyond its parent's", "MB", [private(warm)], words, [private(cold)], Bar(), note=note
    )


def _shared_mb(pid: int) -> float:
    """The proportional share of its memory (PSS)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1000


def _parents(place: Place) -> list[int]:
    found = [pid for pid in _pids() if f"AMLET_HOME={place.home.root}\0" in _read(pid, "environ")]
    return [pid for pid in found if "warm:" in _read(pid, "cmdline")]


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _xargs(python: Path, folder: Path) -> Callable[[], float]:
    line = f"seq {XARGS_RUNS} | xargs -P2 -I@ '{python}' train_iris.py --kernel linear"
    return lambda: timed_ms(lambda: run(["sh", "-c", line], folder=folder)) / 1000 / XARGS_RUNS


def _ray_jobs(folder: Path) -> Callable[[], float]:
    python = _peers_python("ray[default]", "import ray.job_submission, sklearn")

    def measure() -> float:
        with _short_folder() as ray:
            return _last(run([python, "-c", RAY_JOBS, folder / "train_iris.py", str(RAY_RUNS), ray], HOME=ray))

    return measure


def _ray_tune(folder: Path) -> Callable[[], float]:
    python = _peers_python("ray[tune]", "import ray.tune, sklearn")

    def measure() -> float:
        with _short_folder() as ray:
            return _last(run([python, "-c", RAY_TUNE, str(RAY_RUNS), ray], folder=folder, HOME=ray))

    return measure


def _mlflow(place: Place, folder: Path) -> Callable[[], float]:
    python = _peers_python("mlflow", "import mlflow, sklearn")
    (folder / "MLproject").write_text("name: iris\nentry_points:\n  main:\n    command: python train_iris.py\n")
    runs = place.folder("mlruns")
    arguments = [python, "-c", MLFLOW, folder, f"sqlite:///{runs}/mlflow.db", str(MLFLOW_RUNS)]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    return lambda: _last(run(arguments, folder=runs, PATH=path, GIT_PYTHON_REFRESH="quiet"))


def _peers_python(package: str, check: str) -> Path:
    return peer(package, check, also=("scikit-learn", "joblib"))


def _last(printed: str) -> float:
    return float(printed.splitlines()[-1])


@contextlib.contextmanager
def _short_folder() -> Iterator[str]:
    """A folder of Ray's own: below it lie sockets, whose paths are short."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield folder
