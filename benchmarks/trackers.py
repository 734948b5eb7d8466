"""What `run.log` costs its caller, beside the trackers that people use: calls a second, and the slowest call."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.measure import Bar, Figure
from benchmarks.place import Place, Skipped
from benchmarks.turns import by_turns, peer_side, side

MEASURE = """
import time
def measure(log, calls, settle, longer=1):
    clock = time.perf_counter_ns
    began = clock()
    for number in range(calls * longer):
        log(number / 7, number)
    rate = calls * longer / (clock() - began) * 1e9
    settle()
    ticks = []
    for number in range(calls):
        value = number / 7
        began = clock()
        log(value, number)
        ticks.append(clock() - began)
    settle()
    ticks.sort()
    return {"rate": rate, "p99": ticks[calls * 99 // 100] / 1000, "slowest": ticks[-1] / 1000}
"""
"""Both loops end with `settle`, outside the clock: what a product does afterwards falls on its own turn."""

OURS = f"""{MEASURE}
from azureml.core import Experiment, Workspace
workspace = Workspace.get("bench", subscription_id="s", resource_group="g")
run = Experiment(workspace, "trackers").start_logging(outputs=False, snapshot_directory=None)
def log(value, step):
    run.log("training loss", value, step=step)
take_turns(lambda: measure(log, 100_000, run.flush, longer=3))
run.complete()
"""

MLFLOW = f"""{MEASURE}
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("trackers")
mlflow.start_run()
def log(value, step):
    mlflow.log_metric("training loss", value, step=step)
take_turns(lambda: measure(log, 200, lambda: None))
"""

WANDB = f"""{MEASURE}
import wandb
run = wandb.init(project="bench", mode="offline")
def log(value, step):
    run.log({{"training loss": value}})
take_turns(lambda: measure(log, 5_000, lambda: time.sleep(1)))
run.finish()
"""

TRACKIO = f"""{MEASURE}
import trackio
run = trackio.init(project="bench", embed=False)
def log(value, step):
    trackio.log({{"training loss": value}})
def settle():
    deadline = time.monotonic() + 60
    while (run._queued_logs or run._sending_batch) and time.monotonic() < deadline:
        time.sleep(0.05)
take_turns(lambda: measure(log, 10_000, settle))
trackio.finish()
"""


class Peer(NamedTuple):
    """A tracker, and how much quicker ours is to be."""

    package: str
    what: str
    text: str
    bar: Bar


PEERS = (
    Peer("mlflow", "mlflow.log_metric on SQLite, 200 calls", MLFLOW, Bar(ratio_at_least=400)),
    Peer("wandb", "wandb.log offline, 5,000 calls", WANDB, Bar()),
    Peer("trackio", "trackio.log, its caller's side, 10,000 calls", TRACKIO, Bar()),
)
SLOWEST_US = 1000.0


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """A run of this process on a real server, which takes what is logged meanwhile, beside each peer by turns."""
    from azureml.core import Workspace

    place.client  # noqa: B018 - starts the server
    Workspace.create("bench", subscription_id="s", resource_group="g", exist_ok=True)
    for one in PEERS:
        with contextlib.ExitStack() as stack:
            folder = place.folder(one.package)
            try:
                theirs = peer_side(stack, one.package, one.text, folder, **_variables(folder))
            except Skipped as skipped:
                yield skipped
                continue
            home = os.fspath(place.home.root)
            ours = stack.enter_context(side(sys.executable, OURS, folder=folder, AMLET_HOME=home))
            mine, other = by_turns((ours, theirs))
        for key, name, unit, bar in (
            ("rate", "run.log", "calls/s", one.bar),
            ("p99", "run.log, p99 of 100,000", "us", Bar(ours=SLOWEST_US)),
            ("slowest", "run.log, slowest of 100,000", "us", Bar()),
        ):
            values = [told[key] for told in mine]
            yield Figure(
                f"{name}, {one.package}", unit, values, one.what, [told[key] for told in other], bar, is_peer=True
            )


def _variables(folder: os.PathLike[str]) -> dict[str, str]:
    """All that a peer keeps is kept here, and it calls nobody."""
    return {
        "HOME": os.fspath(folder),
        "HF_HUB_OFFLINE": "1",
        "TRACKIO_DIR": f"{os.fspath(folder)}/trackio",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
