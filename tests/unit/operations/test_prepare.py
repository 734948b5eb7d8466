"""Environments are built on this machine when something runs on it, and only then."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from amlet.artifacts.logs import LogFolder
from amlet.base.clock import SystemClock
from amlet.domain.compute import LOCAL_ENGINE, RAY_ENGINE
from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.domain.job import Job
from amlet.domain.run import PREPARING, QUEUED, Run
from amlet.operations.prepare import Preparer
from amlet.operations.provision import create_compute
from amlet.wire.computes import CreateCompute
from support.server import until
from support.world import World


class Cache:
    """Resolves every spec to one lock, and notes what it was asked to build."""

    platform = "linux-x86_64"

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self.built: list[str] = []
        self.resolving = threading.Event()
        self.go_on = threading.Event()

    def kept_by(self, content_key: str) -> str:
        return content_key

    def network(self, *, offline: bool) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def kept_afar_by(self, content_key: str) -> str:
        return f"{content_key}-afar"

    def resolve(self, spec: EnvironmentSpec, log: Callable[[str], None], *, here: bool) -> Lock:
        self.resolving.set()
        assert self.go_on.wait(10)
        return self._lock

    def build(self, lock: Lock, log: Callable[[str], None]) -> None:
        self.built.append(lock.id)


class Place:
    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.cache = Cache(world.lock)
        self._preparer = Preparer(world.records, self.cache, LogFolder(folder), SystemClock())  # type: ignore[arg-type]

    def submit(self, target: str) -> Run:
        job = Job(EnvironmentSpec("other", pip=["a==1"]), "", script="train.py", target=target)
        run = self.world.submit(job=job, submission_id=f"{target}-{self.world.now.timestamp()}")
        assert run.status == PREPARING
        return run

    def prepare(self) -> None:
        self._preparer.pass_over()

    def queued(self, run: Run) -> Run:
        until(lambda: self.world.run(run.id).status == QUEUED, what="the end of preparing", seconds=10)
        return self.world.run(run.id)


@pytest.fixture
def place(world: World, tmp_path: Path) -> Place:
    world.resolved = False
    asked = CreateCompute("AmlCompute", "STANDARD_NC6", max_nodes=4)
    engines = (LOCAL_ENGINE, RAY_ENGINE)
    world.do(
        lambda tx: create_compute(
            tx,
            world.workspace_id,
            "afar",
            asked,
            world.machine,
            world.now,
            seal=str,
            engines=engines,
            cluster_engine=RAY_ENGINE,
        )
    )
    return Place(world, tmp_path / "logs")


def test_what_runs_on_this_machine_is_built_here(place: Place) -> None:
    place.cache.go_on.set()
    here, afar = place.submit("local"), place.submit("afar")
    place.prepare()

    assert str(place.queued(here).stages[1].detail).startswith("built in ")
    assert place.queued(afar).lock_id == place.world.lock.id
    assert place.cache.built == [place.world.lock.id]


def test_what_runs_elsewhere_alone_is_resolved_here_and_built_there(place: Place) -> None:
    place.cache.go_on.set()
    run = place.submit("afar")
    place.prepare()

    detail = str(place.queued(run).stages[1].detail)
    assert detail.startswith("resolved in ") and detail.endswith(", built where it runs")
    assert place.cache.built == []


def test_a_run_of_this_machine_that_comes_meanwhile_gets_its_build_afterwards(place: Place) -> None:
    afar = place.submit("afar")
    place.prepare()
    assert place.cache.resolving.wait(10)
    here = place.submit("local")
    place.cache.go_on.set()
    place.queued(afar)
    assert (place.world.run(here.id).status, place.cache.built) == (PREPARING, [])

    def prepared() -> bool:
        place.prepare()
        return place.world.run(here.id).status == QUEUED

    until(prepared, what="its build", seconds=10)
    assert place.cache.built == [place.world.lock.id]
