"""Points from the journal of a run into its server, durable when the call returns."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from amlet.base.ids import uuid4_text
from amlet.domain.metric import SCALAR
from amlet.runtime.journal import Journal
from amlet.sdk.draining import PIECE_BYTES, Drainer
from amlet.wire.runs import StartRun, StartRuns
from amlet.wire.workspaces import EnsureWorkspace
from benchmarks.measure import Bar, Figure
from benchmarks.place import Place, Skipped
from benchmarks.turns import by_turns, peer_side, side

POINTS = 200_000
METRICS = 10
ENOUGH = 100_000

LOGGED = f"""
import time
from azureml.core import Experiment, Workspace
workspace = Workspace.get("bench", subscription_id="s", resource_group="g")
experiment = Experiment(workspace, "draining")
def measure():
    run = experiment.start_logging(outputs=False, snapshot_directory=None)
    began = time.perf_counter()
    for number in range({POINTS}):
        run.log("training loss", number / 7, step=number)
    run.flush()
    rate = {POINTS} / (time.perf_counter() - began)
    assert len(run.get_metrics()["training loss"]) == {POINTS}
    run.complete()
    return rate
take_turns(measure)
"""

MLFLOW = """
import time, mlflow
from mlflow.entities import Metric
mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("draining")
def measure():
    run = client.create_run(experiment).info.run_id
    batches = [
        [Metric(f"metric {number % 10}", number / 7, 1_790_000_000_000 + number, number)
         for number in range(start, start + 1000)]
        for start in range(0, 20_000, 1000)
    ]
    began = time.perf_counter()
    for batch in batches:
        client.log_batch(run, metrics=batch)
    return 20_000 / (time.perf_counter() - began)
take_turns(measure)
"""


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """A journal at hand, as after a server was away; then logging and bringing together. Beside MLflow's batches."""
    client = place.client
    workspace = client.workspaces.ensure(EnsureWorkspace("s", "g", "bench")).workspace.id
    folder = place.folder("draining")
    home = os.fspath(place.home.root)

    held: list[Path] = []

    def drained() -> float:
        run = uuid4_text()
        client.runs.start(workspace, StartRuns([StartRun("draining", run)]))
        journals = folder / run
        journal = Journal(journals, run, 0)
        for number in range(POINTS):
            journal.append(f"metric {number % METRICS}", SCALAR, number / 7, number)
        assert journal.path is not None
        held[:] = [Path(journal.path)]
        journal.close()
        began = time.perf_counter()
        Drainer(journals, run, 0, is_new=True).drain(client, workspace)
        rate = POINTS / (time.perf_counter() - began)
        assert sum(map(len, client.runs.metrics(workspace, run).values.values())) == POINTS
        return rate

    def copied() -> float:
        began = time.perf_counter()
        target = os.open(folder / "copy", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with held[0].open("rb") as source:
            while piece := source.read(PIECE_BYTES):
                os.write(target, piece)
                os.fdatasync(target)
        os.close(target)
        return POINTS / (time.perf_counter() - began)

    with contextlib.ExitStack() as stack:
        logged = stack.enter_context(side(sys.executable, LOGGED, folder=folder, AMLET_HOME=home))
        sides: list[Callable[[], Any]] = [drained, copied, logged]
        try:
            sides.append(peer_side(stack, "mlflow", MLFLOW, place.folder("mlflow"), MLFLOW_DISABLE_TELEMETRY="true"))
        except Skipped as skipped:
            yield skipped
        ours, floor, whole, *other = by_turns(sides)
    for name, rates in (("points drained, durable", ours), ("points logged and drained, durable", whole)):
        yield Figure(
            name, "points/s", rates, "the journal's bytes by os.write and fdatasync", floor, Bar(at_least=ENOUGH)
        )
        for peers in other:
            what = "client.log_batch of 1,000 on SQLite"
            yield Figure(f"{name}, mlflow", "points/s", rates, what, peers, Bar(at_least=ENOUGH), is_peer=True)
