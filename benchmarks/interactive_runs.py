"""What an interactive run's start, its end and a tag cost their caller, on a real server."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.bare_server import bare_server, exchange_ms
from benchmarks.measure import Bar, Figure
from benchmarks.place import Place, Skipped
from benchmarks.turns import by_turns, peer_side, side

TIMED = """
import statistics, time
RUNS, TAGS = 14, 20
def timed_ms(work):
    began = time.perf_counter()
    made = work()
    return (time.perf_counter() - began) * 1000, made
def medians(told):
    return {key: [statistics.median(values), max(values)] for key, values in told.items()}
"""

OURS = f"""{TIMED}
from azureml.core import Experiment, Workspace
workspace = Workspace.get("bench", subscription_id="s", resource_group="g")
experiment = Experiment(workspace, "interactive")
def measure():
    told = {{"start": [], "tag": [], "end": [], "end with metrics": []}}
    for number in range(RUNS):
        took, run = timed_ms(experiment.start_logging)
        told["start"].append(took)
        time.sleep(0.2)  # the script works; where the run comes from is brought meanwhile
        told["tag"] += [timed_ms(lambda place=place: run.tag(f"tag {{place}}", "a value"))[0] for place in range(TAGS)]
        if number % 2:
            for step in range(100):
                run.log("training loss", step / 7, step=step)
        told["end with metrics" if number % 2 else "end"].append(timed_ms(run.complete)[0])
    return medians(told)
take_turns(measure)
"""

MLFLOW = f"""{TIMED}
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("interactive")
def measure():
    told = {{"start": [], "tag": [], "end": []}}
    for number in range(RUNS):
        told["start"].append(timed_ms(mlflow.start_run)[0])
        told["tag"] += [
            timed_ms(lambda place=place: mlflow.set_tag(f"tag {{place}}", "a value"))[0] for place in range(TAGS)]
        told["end"].append(timed_ms(mlflow.end_run)[0])
    return medians(told)
take_turns(measure)
"""

FIGURES = (
    ("start", "experiment.start_logging", Bar(ours=5)),
    ("end", "run.complete", Bar(ours=5)),
    ("end with metrics", "run.complete after 100 of run.log", Bar(ours=5)),
    ("tag", "run.tag", Bar()),
)
PEER = {"start": "mlflow.start_run on SQLite", "end": "mlflow.end_run on SQLite", "tag": "mlflow.set_tag on SQLite"}


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """Beside one exchange with a server that does nothing, and beside MLflow. Medians of a turn's calls, by turns."""
    from azureml.core import Workspace

    place.client  # noqa: B018 - starts the server
    Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    folder = place.folder("interactive")
    (folder / "train.py").write_text("print('hi')\n")
    home = os.fspath(place.home.root)
    with contextlib.ExitStack() as stack:
        _, port = stack.enter_context(bare_server())
        ours = stack.enter_context(side(sys.executable, OURS, folder=folder, AMLET_HOME=home))
        sides: list[Callable[[], Any]] = [ours, lambda: exchange_ms(port)]
        try:
            sides.append(peer_side(stack, "mlflow", MLFLOW, place.folder("mlflow"), MLFLOW_DISABLE_TELEMETRY="true"))
        except Skipped as skipped:
            yield skipped
        mine, floor, *other = by_turns(sides)
    for key, name, bar in FIGURES:
        note = f"slowest call {max(told[key][1] for told in mine):.3g} ms"
        values = [told[key][0] for told in mine]
        yield Figure(name, "ms", values, "one exchange with a bare server", floor, bar, note=note)
        for peers in other if key in PEER else ():
            of_peer = [told[key][0] for told in peers]
            yield Figure(f"{name}, mlflow", "ms", values, PEER[key], of_peer, bar, is_peer=True)
