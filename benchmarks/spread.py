"""joblib over two nodes of a core each, beside loky with both cores of this machine: the same script, by turns."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

from benchmarks.measure import Bar, Figure
from benchmarks.place import Place, clean_variables

SCRIPT = """
import json, os, sys, time, warnings
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

warnings.simplefilter("ignore")
side, folder, rounds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
took, turn = {}, side

def sleep(seconds):
    time.sleep(seconds)

def work(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(1000))

def measure(name, work):
    global turn
    deadline = time.monotonic() + 300
    while not os.path.exists(os.path.join(folder, str(turn))):
        assert time.monotonic() < deadline, "the other side has ended"
        time.sleep(0.01)
    began = time.perf_counter()
    work()
    took.setdefault(name, []).append(time.perf_counter() - began)
    open(os.path.join(folder, str(turn + 1)), "w").close()
    turn += 2

def tasks(name, function, seconds, count):
    measure(name, lambda: Parallel(n_jobs=-1)(delayed(function)(seconds) for _ in range(count)))

assert effective_n_jobs(-1) == 2
X, y = make_classification(1200, 60, random_state=0)
grid = {"C": [0.1, 1], "gamma": [0.01, 0.03, 0.1]}
measure("first", lambda: GridSearchCV(SVC(), grid, cv=5, n_jobs=-1).fit(X, y))
for _ in range(rounds):
    measure("search", lambda: GridSearchCV(SVC(), grid, cv=5, n_jobs=-1).fit(X, y))
    tasks("sleep_1s", sleep, 1.0, 8)
    tasks("work_1s", work, 1.0, 8)
    tasks("work_50ms", work, 0.05, 80)
    tasks("sleep_50ms", sleep, 0.05, 80)
    tasks("work_1ms", work, 0.001, 2000)
with open(os.path.join(folder, "took-%d" % side), "w") as file:
    json.dump(took, file)
"""
"""Both sides run it at once, and each waits for its turn before it measures."""

ROUNDS = 3
CORES = 2


def figures(place: Place) -> Iterator[Figure]:
    """Tasks of a second against the time that two cores need at least; shorter ones and a search against loky's."""
    from amlet.sdk import JoblibConfiguration
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
    from azureml.core.compute import AmlCompute, ComputeTarget
    from azureml.core.conda_dependencies import CondaDependencies

    folder, turns = place.folder("spread"), place.folder("turns")
    (folder / "train.py").write_text(SCRIPT)
    place.client  # noqa: B018 - starts the server
    workspace = Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    asked = AmlCompute.provisioning_configuration(vm_size="STANDARD_D1_V2", min_nodes=2, max_nodes=2)
    ComputeTarget.create(workspace, "pair", asked).wait_for_completion()
    environment = Environment("spread")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["scikit-learn", "joblib"])
    config = ScriptRunConfig(
        str(folder),
        "train.py",
        ["0", str(turns), str(ROUNDS)],
        compute_target="pair",
        environment=environment,
        distributed_job_config=JoblibConfiguration(node_count=2),
    )
    run = Experiment(workspace, "spread").submit(config)
    while run.get_status() not in ("Running", "Failed"):
        time.sleep(0.1)
    beside = subprocess.Popen(
        [place.python_with("sklearn"), "train.py", "1", str(turns), str(ROUNDS)], cwd=folder, env=clean_variables()
    )
    try:
        (turns / "0").touch()
        run.wait_for_completion()
        beside.wait(60)
    finally:
        beside.kill()
    ours, loky = (json.loads((turns / f"took-{side}").read_text()) for side in (0, 1))

    for name, words in (("sleep_1s", "8 tasks that sleep 1 s"), ("work_1s", "8 tasks of 1 s of work")):
        least = 8 / CORES
        mine, theirs = (least / sorted(took[name])[len(took[name]) // 2] for took in (ours, loky))
        note = f"efficiency {mine:.3f}; loky's, by turns with ours, {theirs:.3f}"
        floor = [least] * len(ours[name])
        bar = Bar(ratio=1 / 0.9) if name == "sleep_1s" else Bar()
        yield Figure(words, "s", ours[name], "all of 2 cores", floor, bar, note=note)
    for name, words in (
        ("sleep_1s", "8 tasks that sleep 1 s"),
        ("work_1s", "8 tasks of 1 s of work"),
        ("work_50ms", "80 tasks of 50 ms of work"),
        ("sleep_50ms", "80 tasks that sleep 50 ms"),
        ("work_1ms", "2000 tasks of 1 ms of work"),
        ("search", "GridSearchCV of SVC, 30 fits"),
        ("first", "the same as the first use of the pool"),
    ):
        yield Figure(words, "s", ours[name], "loky, n_jobs=2", loky[name], Bar(ratio=1.1), is_peer=True)
