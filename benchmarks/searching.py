"""A search of 1,000 runs by a metric, over HTTP, beside MLflow's own store in its own process."""

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

MEASURE = """
import statistics, time
RUNS, TIMES = 1000, 20
def median_ms(work):
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        found = work()
        taken.append((time.perf_counter() - began) * 1000)
    assert len(found) == 20, len(found)
    return statistics.median(taken)
"""

OURS = f"""{MEASURE}
from amlet.base.paths import Home
from amlet.client.local_server import LocalServer
from amlet.domain.metric import SCALAR
from amlet.runtime.journal import Journal
from amlet.sdk.draining import Drainer
from amlet.wire.runs import EndRun, RunQuery, StartRun, StartRuns
from amlet.wire.workspaces import EnsureWorkspace
client = LocalServer(Home.find()).connect()
workspace = client.workspaces.ensure(EnsureWorkspace("s", "g", "searching")).workspace.id
for start in range(0, RUNS, 100):
    tags = [{{"team": ("vision", "text", "speech")[number % 3]}} for number in range(start, start + 100)]
    client.runs.start(workspace, StartRuns([
        StartRun("search", f"run_{{start + place}}", tags=tags[place]) for place in range(100)]))
    for number in range(start, start + 100):
        journal = Journal(f"journals/{{number}}", f"run_{{number}}", 0)
        for name in ("Accuracy", "loss"):
            journal.append(name, SCALAR, number * 7919 % RUNS / RUNS)
        journal.close()
        Drainer(f"journals/{{number}}", f"run_{{number}}", 0, is_new=True).drain(client, workspace)
        client.runs.end(workspace, f"run_{{number}}", EndRun("Completed"))
asked = RunQuery(filter="metrics.Accuracy > 0.5 and tags.team = 'text'", order="metrics.Accuracy desc", limit=20)
take_turns(lambda: median_ms(lambda: client.runs.list(workspace, asked).runs))
client.close()
"""

MLFLOW = f"""{MEASURE}
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("search")
for number in range(RUNS):
    run = client.create_run(experiment, tags={{"team": ("vision", "text", "speech")[number % 3]}}).info.run_id
    for name in ("Accuracy", "loss"):
        client.log_metric(run, name, number * 7919 % RUNS / RUNS)
    client.set_terminated(run)
def search():
    return client.search_runs([experiment], "metrics.Accuracy > 0.5 and tags.team = 'text'", max_results=20,
                              order_by=["metrics.Accuracy DESC"])
take_turns(lambda: median_ms(search))
"""


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """The first page of 20, filtered by a metric and a tag, and ordered by the metric."""
    place.client  # noqa: B018 - starts the server
    home = os.fspath(place.home.root)
    with contextlib.ExitStack() as stack:
        _, port = stack.enter_context(bare_server())
        ours = side(sys.executable, OURS, folder=place.folder("search"), AMLET_HOME=home)
        sides: list[Callable[[], Any]] = [stack.enter_context(ours), lambda: exchange_ms(port)]
        try:
            sides.append(peer_side(stack, "mlflow", MLFLOW, place.folder("mlflow"), MLFLOW_DISABLE_TELEMETRY="true"))
        except Skipped as skipped:
            yield skipped
        mine, floor, *other = by_turns(sides)
    name, bar = "search of 1,000 runs", Bar(ours=5)
    yield Figure(name, "ms", mine, "one exchange with a bare server", floor, bar)
    for peers in other:
        yield Figure(f"{name}, mlflow", "ms", mine, "client.search_runs on SQLite", peers, bar, is_peer=True)
