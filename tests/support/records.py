"""Records to test with, and short ways to put them into a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.domain.run import QUEUED, SCRIPT_RUN, Run
from amlet.domain.workspace import Workspace
from amlet.store.base import Records, Transaction

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 10, 0, 0, 123457, tzinfo=timezone.utc)
HARD_TEXTS = (
    "trailing space ",
    "quote ' \" `; DROP TABLE runs; --",
    "new\nline\ttab",
    "ünïcödé 日本 😀 \u202e",
    "%_[a]*?",
    "a" * 4000,
    "nul \x00 within",
)


def write(records: Records, work: Callable[[Transaction], T]) -> T:
    return records.write(work).result(timeout=30)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def workspace(id: str = "w", name: str = "demo") -> Workspace:  # noqa: A002
    return Workspace(id, "sub", "group", name, "local", {"team": "ü"}, NOW)


def run_of(id: str, **changes: Any) -> Run:  # noqa: A002
    made = Run(
        workspace_id="w",
        id=id,
        experiment="iris",
        number=0,
        type=SCRIPT_RUN,
        status=QUEUED,
        display_name="calm-lake-1",
        target="local",
        attempt=0,
        tags={},
        properties={},
        stages=[],
        warnings=[],
        error=None,
        waiting_for=None,
        lock_id=None,
        created=NOW,
        started=None,
        ended=None,
        revision=0,
    )
    return made._replace(**changes)


JOB = Job(
    EnvironmentSpec("sklearn", python="3.8", conda=["scikit-learn"], variables={"A": "1"}),
    "snapshot",
    "train.py",
    ["--alpha", "0.1"],
    variables={"B": "ü"},
    definition={"nested": {"list": [1, 2.5, None, True]}},
)


def add_run(records: Records, id: str, submission: str = "", **changes: Any) -> Run:  # noqa: A002
    return write(records, lambda tx: tx.runs.add(run_of(id, **changes), JOB, submission))
