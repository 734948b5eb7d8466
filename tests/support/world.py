"""Records with one workspace in a real database, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TypeVar

from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.environment import EnvironmentSpec, Lock, Package, lock_of
from amlet.domain.job import Job, Share
from amlet.domain.run import Run
from amlet.operations import lease
from amlet.operations.deploy import Known
from amlet.operations.ensure import ensure_workspace
from amlet.operations.submit import submit
from amlet.store.base import Transaction
from amlet.store.database import Database
from amlet.wire.nodes import NodeHello
from amlet.wire.runs import SubmitRun
from amlet.wire.workspaces import EnsureWorkspace

T = TypeVar("T")

START = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
SCRIPT = Entry("train.py", "a" * 64, 10)


def sealed(text: str) -> str:
    return "sealed " + text[::-1]


def unsealed(text: str) -> str:
    assert text.startswith("sealed ")
    return text[len("sealed ") :][::-1]


class World:
    """Records with one workspace, and a clock that tests move."""

    def __init__(self, records: Database) -> None:
        self.records = records
        self.now = START
        self.machine = Share(2, 1 << 30)
        self.lock = lock_of(
            "3.11", "linux-x86_64", "scikit-learn==1.5.0", [Package("scikit-learn", "1.5.0")], notes=["as asked"]
        )
        self.resolved = True
        asked = EnsureWorkspace("sub", "group", "demo")
        self.workspace_id = self.do(lambda tx: ensure_workspace(tx, asked, self.now)).workspace.id

        def given(tx: Transaction) -> None:
            tx.blobs.add([BlobLocation(SCRIPT.sha256, SCRIPT.size_bytes)])
            tx.locks.add(self.lock, EnvironmentSpec("env").content_key())

        self.do(given)

    def do(self, work: Callable[[Transaction], T]) -> T:
        return self.records.write(work).result(30)

    def look(self, work: Callable[[Transaction], T]) -> T:
        return self.records.read(work)

    def later(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def ready(self, _content_key: str, _built_here: bool) -> Lock | None:
        return self.lock if self.resolved else None

    def submission(self, **changes: object) -> SubmitRun:
        job = Job(EnvironmentSpec("env"), "", script="train.py", arguments=["--a", "1"])
        asked = SubmitRun("exp", job, [SCRIPT], f"sub-{self.now.timestamp()}")
        return asked._replace(**changes)  # type: ignore[arg-type]

    def submit(self, **changes: object) -> Run:
        asked = self.submission(**changes)
        run = self.do(lambda tx: submit(tx, self.workspace_id, asked, self.ready, self.now)).run
        assert run is not None
        self.later(1)
        return run

    def hello(self, node: str = "local", pool: str = "local", share: Share | None = None) -> None:
        asked = NodeHello(node, pool, 1, "boot", share or self.machine)
        self.do(lambda tx: lease.greet(tx, asked, self.now))

    def take(self, node: str = "local") -> object:
        return self.do(
            lambda tx: lease.take(tx, node, "http://127.0.0.1:1", lambda *_: "token", self.machine, self.now)
        )

    def known(self) -> Known:
        """What operations on services get of the server; secrets are sealed so that a test can see that they are."""
        return Known(self.ready, sealed, unsealed, self.now)

    def run(self, run_id: str) -> Run:
        return self.look(lambda tx: tx.runs.get(self.workspace_id, run_id))
