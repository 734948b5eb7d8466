"""The queue: what it costs to submit, hand out and settle one run, when a thousand wait and when ten thousand do."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple, TypeVar

from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.environment import EnvironmentSpec, lock_of
from amlet.domain.job import Job, Share
from amlet.domain.run import COMPLETED
from amlet.operations import lease, settle, submit
from amlet.operations.ensure import ensure_workspace
from amlet.operations.waiting import with_waits
from amlet.store.base import RunFilter, Transaction
from amlet.store.database import Database
from amlet.wire.nodes import AttemptStarted, NodeHello, SettleAttempt
from amlet.wire.runs import SubmitRun
from amlet.wire.workspaces import EnsureWorkspace
from benchmarks.measure import Bar, Figure
from benchmarks.place import Place

FEW, MANY = 1_000, 10_000
PAIRS = 2
EXPERIMENTS = 20
PRIORITIES = 3
MACHINE = Share(2, 1 << 33)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
SCRIPT = Entry("train.py", "a" * 64, 10)
SPEC = EnvironmentSpec("env")
LOCK = lock_of("3.11", "linux-x86_64", "", [], notes=[])

T = TypeVar("T")


class Took(NamedTuple):
    """Seconds for all runs."""

    submitted: float
    executed: float
    page: float
    """One page of fifty, with why each waits and how many are ahead of it, in milliseconds."""


def figures(_place: Place) -> Iterator[Figure]:
    """Ten times the runs beside the runs."""
    few, many = [], []
    for _ in range(PAIRS):
        few.append(_measured(FEW))
        many.append(_measured(MANY))
    rate = few[-1].executed / FEW * 1e3
    note = f"{rate:.2f} ms a run of {FEW:,}, with three durable commits"
    names = ("submitted", "taken, begun and settled")
    for name, place in zip(names, (0, 1), strict=True):
        ours, floor = [took[place] for took in many], [took[place] for took in few]
        told = note if place else ""
        yield Figure(f"{MANY:,} runs {name}", "s", ours, f"{FEW:,} runs", floor, Bar(ratio=12), note=told)
    ours, floor = [took.page for took in many], [took.page for took in few]
    yield Figure(f"places of 50 of {MANY:,} queued runs", "ms", ours, f"of {FEW:,}", floor, Bar(ours=100))


def _measured(count: int) -> Took:
    with tempfile.TemporaryDirectory(prefix="amlet-queue-") as folder:
        records = Database(Path(folder) / "records.db")
        try:
            return _of(records, count)
        finally:
            records.close()


def _of(records: Database, count: int) -> Took:
    def do(work: Callable[[Transaction], T]) -> T:
        return records.write(work).result()

    workspace = do(lambda tx: ensure_workspace(tx, EnsureWorkspace("s", "g", "queue"), NOW)).workspace.id
    do(lambda tx: tx.blobs.add([BlobLocation(SCRIPT.sha256, SCRIPT.size_bytes)]))
    do(lambda tx: tx.locks.add(LOCK, SPEC.content_key()))
    began = time.perf_counter()
    for number in range(count):
        job = Job(SPEC, "", script="train.py", priority=number % PRIORITIES)
        asked = SubmitRun(f"exp{number % EXPERIMENTS}", job, [SCRIPT], f"s{number}", run_id=f"r{number}")
        now = NOW + timedelta(seconds=number)
        do(lambda tx, asked=asked, now=now: submit.submit(tx, workspace, asked, lambda *_: LOCK, now))
    submitted = time.perf_counter() - began

    began = time.perf_counter()
    records.read(lambda tx: with_waits(tx, tx.runs.page(workspace, RunFilter())[0], MACHINE, NOW))
    page = (time.perf_counter() - began) * 1000

    do(lambda tx: lease.greet(tx, NodeHello("local", "local", 1, "boot", MACHINE), NOW))
    done = SettleAttempt(1, COMPLETED, 0, None, [], [])
    started = AttemptStarted(1, "cold start")
    began = time.perf_counter()
    for _ in range(count):
        held = do(lambda tx: lease.take(tx, "local", "http://localhost", lambda *_: "token", MACHINE, NOW))
        assert held is not None
        do(lambda tx, run_id=held.run_id: lease.started(tx, workspace, run_id, started, NOW))
        do(lambda tx, run_id=held.run_id: settle.settle(tx, workspace, run_id, done, NOW))
    assert do(lambda tx: lease.take(tx, "local", "http://localhost", lambda *_: "token", MACHINE, NOW)) is None
    return Took(submitted, time.perf_counter() - began, page)
