"""joblib over two nodes of a core each, beside loky with both cores of this machine: the same unmodified script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.measure import Bar, Figure
from benchmarks.place import Place

SCRIPT = """
import time, warnings
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
from azureml.core import Run

warnings.simplefilter("ignore")
run = Run.get_context()

def sleep(seconds):
    time.sleep(seconds)

def work(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(1000))

def measure(name, function, seconds, count):
    began = time.perf_counter()
    Parallel(n_jobs=-1)(delayed(function)(seconds) for _ in range(count))
    run.log(name, time.perf_counter() - began)

assert effective_n_jobs(-1) == 2
X, y = make_classification(3000, 60, random_state=0)
search = GridSearchCV(SVC(), {"C": [0.1, 0.3, 1, 3], "gamma": [0.01, 0.03, 0.1]}, cv=5, n_jobs=-1)
began = time.perf_counter()
search.fit(X, y)
run.log("search", time.perf_counter() - began)
measure("first", sleep, 0, 2)
measure("sleep_1s", sleep, 1.0, 12)
measure("work_1s", work, 1.0, 12)
measure("work_50ms", work, 0.05, 200)
measure("sleep_50ms", sleep, 0.05, 200)
measure("work_1ms", work, 0.001, 8000)
"""

PAIRS = 3


def figures(place: Place) -> Iterator[Figure]:
    """Tasks of a second against the time that two cores need at least; shorter ones and a search against loky's."""
    from amlet.sdk import JoblibConfiguration
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
    from azureml.core.compute import AmlCompute, ComputeTarget
    from azureml.core.conda_dependencies import CondaDependencies

    folder = place.folder("spread")
    (folder / "train.py").write_text(SCRIPT)
    place.client  # noqa: B018 - starts the server
    workspace = Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    asked = AmlCompute.provisioning_configuration(vm_size="STANDARD_D1_V2", min_nodes=2, max_nodes=2)
    ComputeTarget.create(workspace, "pair", asked).wait_for_completion()
    environment = Environment("spread")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["scikit-learn"])
    experiment = Experiment(workspace, "spread")
    spread = JoblibConfiguration(node_count=2)

    def measured(target: str, **more: Any) -> dict[str, float]:
        config = ScriptRunConfig(str(folder), "train.py", compute_target=target, environment=environment, **more)
        run = experiment.submit(config)
        run.wait_for_completion()
        return dict(run.get_metrics())

    ours, loky = [], []
    for _ in range(PAIRS):
        ours.append(measured("pair", distributed_job_config=spread))
        loky.append(measured("local"))

    def both(name: str) -> tuple[list[float], list[float]]:
        return [took[name] for took in ours], [took[name] for took in loky]

    for name, words in (("sleep_1s", "12 tasks that sleep 1 s"), ("work_1s", "12 tasks of 1 s of work")):
        mine, theirs = both(name)
        note = f"efficiency {6 / sorted(mine)[PAIRS // 2]:.3f}; loky's {6 / sorted(theirs)[PAIRS // 2]:.3f}"
        yield Figure(words, "s", mine, "6 s, all of 2 cores", [6.0] * PAIRS, Bar(ratio=1 / 0.9), note=note)
    for name, words in (
        ("work_50ms", "200 tasks of 50 ms of work"),
        ("sleep_50ms", "200 tasks that sleep 50 ms"),
        ("work_1ms", "8000 tasks of 1 ms of work"),
        ("search", "GridSearchCV of SVC, 60 fits, the first use of the pool"),
    ):
        mine, theirs = both(name)
        yield Figure(words, "s", mine, "loky, n_jobs=2", theirs, Bar(ratio=1.1), is_peer=True)
