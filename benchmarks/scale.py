"""The records at scale: 100,000 runs with 10 metrics each, and one run with 10,000,000 points.

    python -m benchmarks.scale [FILE]

makes the database in FILE, if it is not there yet (else in a folder that is removed at the end), measures it in a
process of its own, as a server has it, and prints one JSON line a figure; 1 when a bar is missed.
"""

from __future__ import annotations

import json
import math
import random
import resource
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from amlet.domain.compute import pool_of
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.filter import parse, parse_order
from amlet.domain.job import Job
from amlet.domain.metric import SCALAR, Point, collate
from amlet.domain.run import COMPLETED, FAILED, SCRIPT_RUN, Run, Stage
from amlet.domain.workspace import Workspace
from amlet.store import Database
from amlet.store import labels as label_rows
from amlet.store.base import RunFilter, Transaction
from amlet.store.charts import extremes_of
from amlet.store.chunks import CHUNK_POINTS, Columns, pack
from amlet.store.sqlite import SQLite
from amlet.store.tables import counters, jobs, metric_chunks, metrics, run_labels, runs
from benchmarks.measure import Told
from benchmarks.place import Place, run

RUNS = 100_000
METRICS = ("Accuracy", "AUC", "F1", "Precision", "Recall", "loss", "val_loss", "Kernel width", "seconds", "Log Loss")
LONG_POINTS = 10_000_000
DRAINED_POINTS = 1_000_000
DRAINED_AT_ONCE = 20_000
BATCH = 5_000
TIMES = 15
BEGAN = datetime(2026, 11, 1, tzinfo=timezone.utc)
WORKSPACE = Workspace("w", "subscription", "group", "scale", "local", {}, BEGAN)
JOB = Job(
    EnvironmentSpec("sklearn-env", python="3.8", conda=["scikit-learn"]), "snapshot", "train_iris.py", ["--kernel", "x"]
)


def make(path: Path) -> None:
    """Fill an empty database in bulk; a figure is what `Metrics.add` takes."""
    database = Database(path)
    database.write(lambda tx: tx.workspaces.add(WORKSPACE)).result()
    _drain(database)
    database.close()
    backend = SQLite(path)
    with backend.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous = OFF")
        connection.exec_driver_sql("PRAGMA cache_size = -200000")
        rng = random.Random(1)  # the same database every time
        first = connection.execute(runs.select().with_only_columns(runs.c.seq)).scalars().all()[-1] + 1
        metric = int(connection.exec_driver_sql("SELECT max(seq) FROM metrics").scalar_one()) + 1
        for start in range(0, RUNS, BATCH):
            connection.exec_driver_sql("BEGIN")
            made = [_run(first + number, number, rng) for number in range(start, start + BATCH)]
            connection.execute(runs.insert(), [row for row, _ in made])
            connection.execute(jobs.insert(), [{"run": row["seq"], "snapshot_id": "s", "job": JOB} for row, _ in made])
            connection.execute(run_labels.insert(), [label for _, found in made for label in found])
            summaries, chunks = [], []
            for row, _ in made:
                for name in METRICS:
                    value = rng.random()
                    summaries.append(_summary(metric, row["seq"], name, 1, value))
                    point = pack(Columns.of([Point(name, SCALAR, value, None, 1.79e9)]))
                    chunks.append({"metric": metric, "number": 0, "points": point, "extremes": None})
                    metric += 1
            connection.execute(metrics.insert(), summaries)
            connection.execute(metric_chunks.insert(), chunks)
            connection.exec_driver_sql("COMMIT")
        connection.execute(counters.insert(), {"name": "runs/w/iris", "value": RUNS})
        connection.exec_driver_sql("BEGIN")
        row, _ = _run(first + RUNS, RUNS, rng, id="long")
        connection.execute(runs.insert(), [row])
        connection.execute(metrics.insert(), [_summary(metric, row["seq"], "loss", LONG_POINTS, 0.5)])
        for number in range(-(-LONG_POINTS // CHUNK_POINTS)):
            count = min(CHUNK_POINTS, LONG_POINTS - number * CHUNK_POINTS)
            connection.execute(metric_chunks.insert(), [_chunk(metric, number, count, rng)])
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    backend.close()


def figures(place: Place) -> Iterator[Told]:
    """The database made anew."""
    return _told(place.folder("scale") / "records.db")


def measure(path: Path) -> Iterator[dict[str, Any]]:
    """Ask what users ask, as a server that was just started."""
    database = Database(path)

    def page(text: str | None, order: str | None, **changes: Any) -> Callable[[], object]:
        def ask() -> object:
            chosen = RunFilter(condition=parse(text) if text else None, order=parse_order(order) if order else None)
            found, _ = database.read(lambda tx: tx.runs.page("w", chosen._replace(**changes)))
            assert found, text
            return found

        return ask

    searches = {
        "page": (None, None, {}),
        "page by a metric": (None, "metrics.Accuracy desc", {}),
        "page filtered and ordered by a metric": ("metrics.Accuracy > 0.9", "metrics.Accuracy desc", {}),
        "page by metric and parameter": (
            "metrics.Accuracy > 0.5 and params.kernel = 'rbf' and tags.team in ('vision', 'text')",
            "metrics.Accuracy desc",
            {},
        ),
        "page by metric, ordered by another": ("metrics.Accuracy > 0.99", "metrics.loss", {}),
        "page by half of all, ordered by another": ("metrics.Accuracy > 0.5", "metrics.loss", {}),
        "page by rare metric and parameter": ("metrics.Accuracy > 0.9999 and params.C > 5", "started desc", {}),
        "page by rare metric, newest": ("metrics.Accuracy > 0.9999", None, {}),
        "page by not and or": ("not (status = 'Failed' or tags.team = 'text') and metrics.AUC < 0.5", None, {}),
        "page by time": ("started >= '2026-11-20' and status != 'Failed'", "started", {}),
        "page by parameter": ("params.C >= 1", "params.C desc", {}),
        "page by duration": (None, "duration desc", {}),
        "page by display name": ("display_name like '%99'", "display_name", {}),
        "page 1000 in": (None, "metrics.Accuracy desc", {"before": 50_000}),
    }
    for name, (text, order, changes) in searches.items():
        bar = 50 if "metric" in name or name == "page" else None
        yield _figure(name, page(text, order, **changes), bar)

    def points(tx: Transaction) -> object:
        found = tx.metrics.points("w", "run_50000")
        assert len(found) == len(METRICS)
        return {name: collate(values) for name, values in found.items()}

    yield _figure("get_metrics of one run", lambda: database.read(points), 10)

    def chart(tx: Transaction) -> object:
        found = tx.metrics.chart("w", "long", "loss", 1000)
        assert found.total == LONG_POINTS
        assert 1000 <= len(found.place) <= 2100
        return found

    yield _figure("chart of 10,000,000 points", lambda: database.read(chart), 300)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield {"name": "memory at its peak", "ours": round(peak_mb), "unit": "MB", "bar": 300, "ok": peak_mb <= 300}
    database.close()


def _figure(name: str, work: Callable[[], object], bar: float | None) -> dict[str, Any]:
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    ours = statistics.median(taken)
    told = {"name": name, "ours": round(ours, 2), "unit": "ms", "bar": bar, "ok": bar is None or ours <= bar}
    return {**told, "first": round(taken[0], 2), "spread": [round(min(taken), 2), round(max(taken), 2)]}


def _drain(database: Database) -> None:
    row = _as_run("drained", 0, COMPLETED, {}, {})
    database.write(lambda tx: tx.runs.add(row, JOB, "")).result()
    batches = [
        [
            Point("loss", SCALAR, 1 / (1 + number), number, 1.79e9 + number / 1000)
            for number in range(start, start + DRAINED_AT_ONCE)
        ]
        for start in range(0, DRAINED_POINTS, DRAINED_AT_ONCE)
    ]
    began = time.perf_counter()
    for number, batch in enumerate(batches):
        database.write(
            lambda tx, number=number, batch=batch: tx.metrics.add("w", "drained", "j", number, batch)
        ).result()
    rate = DRAINED_POINTS / (time.perf_counter() - began)
    line = {"name": "points made durable", "ours": round(rate), "unit": "1/s", "bar": 100_000, "ok": rate >= 100_000}
    print(json.dumps(line), flush=True)


def _as_run(name: str, number: int, status: str, tags: dict[str, Any], parameters: dict[str, str]) -> Run:
    began = BEGAN + timedelta(seconds=20 * number)
    ended = began + timedelta(seconds=5 + number % 37)
    return Run(
        workspace_id="w",
        id=name,
        experiment=f"iris{number % 20}",
        number=number,
        type=SCRIPT_RUN,
        status=status,
        display_name=f"calm-lake-{number}",
        target="local",
        attempt=1,
        tags=tags,
        properties={"_azureml.ComputeTargetType": "local", "ContentSnapshotId": f"{number % 500:032}"},
        stages=[Stage(stage, began, ended) for stage in ("submit", "prepare", "scale", "run", "finish")],
        warnings=[],
        error=None,
        waiting_for=None,
        lock_id="lock",
        created=began,
        started=began,
        ended=ended,
        revision=9,
        parameters=parameters,
    )


def _run(
    seq: int,
    number: int,
    rng: random.Random,
    id: str | None = None,  # noqa: A002
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    parameters = {
        "kernel": rng.choice(("linear", "rbf", "poly")),
        "C": f"{rng.random() * 10:.4f}",
        "max_iter": str(number % 7 * 100),
    }
    tags = {"team": ("vision", "text", "speech")[number % 3]}
    run = _as_run(id or f"run_{number}", number, FAILED if number % 11 == 0 else COMPLETED, tags, parameters)
    row = {**run._asdict(), "seq": seq, "pool": pool_of("w", "local"), "submission_id": None}
    found = label_rows.rows_of(seq, label_rows.PARAMETERS, parameters)
    found += label_rows.rows_of(seq, label_rows.TAGS, tags)
    return row, found + label_rows.rows_of(seq, label_rows.PROPERTIES, run.properties)


def _summary(seq: int, run: int, name: str, count: int, value: float) -> dict[str, Any]:
    numbers = dict.fromkeys(("first", "last", "min", "max"), value)
    return {"seq": seq, "run": run, "name": name, "kind": SCALAR, "points": count, "last_step": None, **numbers}


def _chunk(metric: int, number: int, count: int, rng: random.Random) -> dict[str, Any]:
    start = number * CHUNK_POINTS
    values = [math.sin((start + place) / 1e5) + rng.random() / 10 for place in range(count)]
    times = array("d", [1.79e9 + (start + place) / 1000 for place in range(count)])
    columns = Columns(bytes(count), times, list(range(start, start + count)), values)
    extremes = extremes_of(columns) if count == CHUNK_POINTS else None
    return {"metric": metric, "number": number, "points": pack(columns), "extremes": extremes}


def main(arguments: list[str]) -> int:
    """Make and measure, or do one step of it for another process."""
    if arguments[:1] == ["make"]:
        make(Path(arguments[1]))
        return 0
    if arguments[:1] == ["measure"]:
        for line in measure(Path(arguments[1])):
            print(json.dumps(line), flush=True)
        return 0
    good = True
    with tempfile.TemporaryDirectory(prefix="amlet-scale-") as folder:
        for found in _told(Path(arguments[0]) if arguments else Path(folder) / "records.db"):
            good = good and found.ok
            print(json.dumps(found.line()), flush=True)
    return 0 if good else 1


def _told(path: Path) -> Iterator[Told]:
    """Each step in a process of its own, so that the one's memory is not the other's."""
    for step in ["measure"] if path.exists() else ["make", "measure"]:
        for line in run([sys.executable, "-m", "benchmarks.scale", step, path]).splitlines():
            yield Told(json.loads(line))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
