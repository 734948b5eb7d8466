"""Sweeps: what the sweeper takes a trial, in a sweep of a thousand beside one of a hundred; then whole sweeps."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple, TypeVar

from amlet.artifacts.logs import LogFolder
from amlet.base.variables import own_environment
from amlet.domain import run as runs
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.environment import EnvironmentSpec, lock_of
from amlet.domain.job import Job
from amlet.domain.metric import SCALAR, Point
from amlet.domain.sweep import MAXIMIZE, MEDIAN_STOPPING, RANDOM, Objective, Policy, Sampling, SweepSpec
from amlet.operations.ensure import ensure_workspace
from amlet.operations.settle import settle
from amlet.operations.submit_sweep import submit_sweep
from amlet.operations.sweeper import Sweeper
from amlet.operations.transitions import move
from amlet.store.base import Transaction
from amlet.store.database import Database
from amlet.sweeps.model_based import ModelBased
from amlet.wire.nodes import SettleAttempt
from amlet.wire.runs import SubmitRun
from amlet.wire.sweeps import SubmitSweep
from amlet.wire.workspaces import EnsureWorkspace
from benchmarks import sweep_of_hundred
from benchmarks.measure import Bar, Figure
from benchmarks.place import Place, Skipped

FEW, MANY = 100, 1_000
RANDOM_POINTS = Sampling(RANDOM, {"C": ["loguniform", [-3, 3]], "kernel": ["choice", [["rbf", "linear"]]]}, 1)
DRAINS = {1: 3, 2: 2}
"""How many reports of a trial come with each drain of its journal."""
REPORTS = sum(DRAINS.values())
PAIRS = 2
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
SCRIPT = Entry("train.py", "a" * 64, 10)
SPEC = EnvironmentSpec("env")
LOCK = lock_of("3.11", "linux-x86_64", "", [], notes=[])

T = TypeVar("T")


class Cost(NamedTuple):
    """Of a trial."""

    ms: float
    cpu_ms: float
    """Processor time, which other work on the machine does not prolong."""


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """The sweep's own cost, then whole sweeps."""
    yield from _own_cost()
    yield from sweep_of_hundred.figures(place)


def _own_cost() -> Iterator[Figure]:
    """Ten times the trials beside the trials, without a policy and with one."""
    for name, policy in (("", Policy()), (" with median stopping", Policy(MEDIAN_STOPPING))):
        yield own_cost(f"a random trial of {MANY:,}{name}", RANDOM_POINTS, policy)


def own_cost(name: str, sampling: Sampling, policy: Policy = Policy()) -> Figure:  # noqa: B008
    """What a trial costs in a large sweep beside one in a small sweep."""
    few, many = [], []
    for _ in range(PAIRS):
        few.append(cost(FEW, sampling, policy))
        many.append(cost(MANY, sampling, policy))
    worked = statistics.median(one.cpu_ms for one in many)
    note = f"{worked:.2f} ms of it are processor time, the rest is waiting for the disk or a core"
    if policy != Policy():
        note += f"; {REPORTS} reports a trial come in {len(DRAINS)} drains, with a pass of the sweeper after each"
    bar = Bar(ours=5, ratio=1.2)  # ten times the trials: at most twelve times the time
    values = [one.ms for one in many], [one.ms for one in few]
    return Figure(name, "ms", values[0], f"a trial of {FEW}", values[1], bar, note=note)


def cost(count: int, sampling: Sampling, policy: Policy = Policy()) -> Cost:  # noqa: B008
    """What the sweeper takes for a trial: drawing, its records, counting its end, ruling on its reports."""
    with tempfile.TemporaryDirectory(prefix="amlet-sweeping-") as folder:
        records = Database(Path(folder) / "records.db")
        model = ModelBased(Path(folder), lambda _method: own_environment())
        try:
            sweeper = Sweeper(records, LogFolder(Path(folder) / "logs"), model, lambda _tx: lambda *_: LOCK)
            return _swept(records, sweeper, count, policy, sampling)
        finally:
            model.close()
            records.close()


def _swept(records: Database, sweeper: Sweeper, count: int, policy: Policy, sampling: Sampling) -> Cost:
    def do(work: Callable[[Transaction], T]) -> T:
        return records.write(work).result()

    workspace = do(lambda tx: ensure_workspace(tx, EnsureWorkspace("s", "g", "sweeping"), NOW)).workspace.id
    do(lambda tx: tx.blobs.add([BlobLocation(SCRIPT.sha256, SCRIPT.size_bytes)]))
    do(lambda tx: tx.locks.add(LOCK, SPEC.content_key()))
    spec = SweepSpec(sampling, [Objective("accuracy", MAXIMIZE)], count, 2, policy)
    job = Job(SPEC, "", script="train.py")
    asked = SubmitSweep(SubmitRun("sweeping", job, [SCRIPT], "sweeping"), spec)
    sweep = do(lambda tx: submit_sweep(tx, workspace, asked, NOW)).run
    assert sweep is not None
    took = [_passes(sweeper, NOW)]
    for number in range(count):
        now = NOW + timedelta(seconds=number)
        trial = f"{sweep.id}_{number}"
        do(lambda tx: move(tx, tx.runs.get(workspace, trial)._replace(attempt=1), runs.RUNNING, now))  # noqa: B023
        # 7,919 is prime to the counts: values in no order, so that the best changes as seldom as it does by chance
        value = (number * 7_919 % count) / count
        for drained, reports in DRAINS.items() if policy != Policy() else {1: 1}.items():
            points = [Point("accuracy", SCALAR, value, None, 0.0)] * reports
            do(lambda tx: tx.metrics.add(workspace, trial, "j", drained, points))  # noqa: B023
            if policy != Policy():
                took.append(_passes(sweeper, now))
        if not records.read(lambda tx: tx.runs.get(workspace, trial)).is_over:  # noqa: B023
            ended = SettleAttempt(1, runs.COMPLETED, 0, None, [], [])
            do(lambda tx: settle(tx, workspace, trial, ended, now))  # noqa: B023
        took.append(_passes(sweeper, now))
    assert records.read(lambda tx: tx.runs.get(workspace, sweep.id)).status == runs.COMPLETED
    return Cost(sum(one.ms for one in took) / count, sum(one.cpu_ms for one in took) / count)


def _passes(sweeper: Sweeper, now: datetime) -> Cost:
    began, worked = time.perf_counter(), time.process_time()
    while sweeper.pass_over(now):
        pass
    return Cost((time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000)
