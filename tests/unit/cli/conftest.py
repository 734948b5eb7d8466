"""Runs and a server that are plain objects, and streams that a terminal can write to."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from amlet.base.errors import NotFound
from amlet.domain import run as runs
from amlet.domain.run import Stage
from amlet.sdk.connection import Names
from amlet.wire.files import RunFile
from amlet.wire.runs import RunChanges, RunDetails, RunPage

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Body:
    """The bytes of an answer, in small pieces."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def chunks(self) -> Any:
        for start in range(0, len(self.data), 7):
            yield self.data[start : start + 7]

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class FakeRuns:
    """Runs in a list, newest first; the files of all of them; one story that a watcher sees."""

    def __init__(self) -> None:
        self.kept: list[runs.Run] = []
        self.files: dict[str, bytes] = {}
        self.story: list[RunChanges] = []
        self.read_bytes = 0

    def list(self, _workspace: str, query: Any) -> RunPage:
        start = query.before or 0
        page = [run for run in self.kept if query.status in (None, run.status)][start : start + query.limit]
        more = start + query.limit < len(self.kept)
        return RunPage(page, start + query.limit if more else None)

    def get(self, _workspace: str, run_id: str) -> RunDetails:
        for run in self.kept:
            if run.id == run_id:
                return RunDetails(run, None, None, [])
        raise NotFound(f"There is no run {run_id}.")

    def watch(self, _workspace: str, _run_id: str, _query: Any, *, patience_s: Any = None) -> RunChanges:
        return self.story.pop(0)

    def file(self, _workspace: str, _run_id: str, query: Any) -> Body:
        if query.path not in self.files:
            raise NotFound(f"There is no file {query.path}.")
        data = self.files[query.path][query.offset :]
        self.read_bytes += len(data)
        return Body(data)


class FakeClient:
    url = "http://127.0.0.1:8700"

    def __init__(self) -> None:
        self.runs = FakeRuns()


class FakeConnection:
    """A workspace at such a server."""

    workspace_id = "ws_1"
    names = Names("local", "local", "default")

    def __init__(self) -> None:
        self.client = FakeClient()


def run_of(run_id: str = "iris_1732400000_9c2e41ab", **changes: Any) -> runs.Run:
    """A run's record with these changes."""
    record = runs.Run(
        workspace_id="ws_1",
        id=run_id,
        experiment="iris",
        number=1,
        type=runs.SCRIPT_RUN,
        status=runs.RUNNING,
        display_name=run_id,
        target="local",
        attempt=1,
        tags={},
        properties={},
        stages=[],
        warnings=[],
        error=None,
        waiting_for=None,
        lock_id=None,
        created=NOW,
        started=NOW,
        ended=None,
        revision=1,
    )
    return record._replace(**changes)


def stage_of(name: str, took_s: float | None, detail: str | None = None) -> Stage:
    """A stage that took so long; None for one that goes on."""
    return Stage(name, NOW, None if took_s is None else NOW + timedelta(seconds=took_s), detail)


def file_of(path: str, size_bytes: int) -> RunFile:
    return RunFile(path, size_bytes, True)


@pytest.fixture
def held() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def make_run() -> Any:
    return run_of


@pytest.fixture
def make_stage() -> Any:
    return stage_of


@pytest.fixture
def make_file() -> Any:
    return file_of
