"""Fixtures for all tests: homes of their own, and the real server."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.faults import ROW
from support.ray_cluster import RayCluster, need_ray
from support.server import RealServer
from support.workers import LONGEST, ByFile, Turns, own_folder

for _name in [name for name in os.environ if name.startswith(("AMLET_", "AZUREML_"))]:
    del os.environ[_name]
# No test waits for a Python from outside; those about fetching one allow it, from this machine.
os.environ["UV_PYTHON_DOWNLOADS"] = "never"
# How long an example takes says more about what else runs on the machine than about the code.
settings.register_profile("amlet", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("amlet")

ALLOWED_SKIPS = Path(__file__).parent / "allowed-skips.txt"

_TURNS = pytest.StashKey[Turns]()
_NUMBERS = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        own_folder(config.workerinput["workerid"])
        config.stash[_TURNS] = Turns(Path(config.option.basetemp).parent)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test waits for its turn before its time limit begins to count."""
    turns = item.config.stash.get(_TURNS, None)
    if turns is None:
        return (yield)
    with turns.turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _table_of_faults(terminalreporter)
    if os.environ.get("CI"):
        _refuse_skips(terminalreporter)


def _table_of_faults(terminalreporter: pytest.TerminalReporter) -> None:
    """What was harmed at which stage, and what became of it."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [row for report in reports for name, row in report.user_properties if name == ROW]
    if rows:
        terminalreporter.section("faults")
        for stage, victim, outcome, seconds in rows:
            terminalreporter.write_line(f"{stage:34} {victim:22} {outcome:28} {seconds:6.1f} s")


def _refuse_skips(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI a test may be skipped only for a reason that the list allows."""
    allowed = [line for line in ALLOWED_SKIPS.read_text().splitlines() if line and not line.startswith("#")]
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(text in reason for text in allowed):
            terminalreporter.write_line(f"skipped without leave: {report.nodeid}: {reason}", red=True)
            terminalreporter._session.exitstatus = 1


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test ever touches the home of the user who runs it."""
    # Not by mktemp, which looks through all folders there are for the next number: half a minute over all tests.
    folder = tmp_path_factory.getbasetemp() / "homes" / str(next(_NUMBERS))
    folder.mkdir(parents=True)
    monkeypatch.setenv("AMLET_HOME", str(folder / "none"))


@pytest.fixture
def fresh_server() -> Iterator[RealServer]:
    """A server of an empty home, for tests that harm it."""
    with _ServerFolder() as folder:
        server = RealServer(folder / "home")
        try:
            yield server.start()
        finally:
            server.close()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[RealServer]:
    """One server for all tests that leave it as it was."""
    with _ServerFolder() as folder:
        server = RealServer(folder / "home")
        try:
            yield server.start()
        finally:
            server.close()


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[RayCluster]:
    """One cluster for all tests of a file: a head without cores, and two machines. Idle ones take a tenth of a core."""
    need_ray()
    cluster = RayCluster()
    try:
        cluster.start_head()
        for _ in range(2):
            cluster.add_machine({"amlet_contract": 1, "amlet_cpu": 1, "amlet_aks": 1})
        yield cluster
    finally:
        cluster.close()


class _ServerFolder:
    """A short path: some of what lives below it has a limit on its length."""

    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp(prefix="amlet-"))
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
