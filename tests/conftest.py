"""Fixtures for all tests: homes of their own, and the real server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ray_cluster import RayCluster, need_ray
from support.server import RealServer

for _name in [name for name in os.environ if name.startswith(("AMLET_", "AZUREML_"))]:
    del os.environ[_name]
# No test waits for a Python from outside; those about fetching one allow it, from this machine.
os.environ["UV_PYTHON_DOWNLOADS"] = "never"


ALLOWED_SKIPS = Path(__file__).parent / "allowed-skips.txt"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI a test may be skipped only for a reason that the list allows."""
    if not os.environ.get("CI"):
        return
    allowed = [line for line in ALLOWED_SKIPS.read_text().splitlines() if line and not line.startswith("#")]
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(text in reason for text in allowed):
            terminalreporter.write_line(f"skipped without leave: {report.nodeid}: {reason}", red=True)
            terminalreporter._session.exitstatus = 1


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test ever touches the home of the user who runs it."""
    monkeypatch.setenv("AMLET_HOME", str(tmp_path_factory.mktemp("home") / "none"))


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


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    """One cluster for all tests: a head without cores, and two machines."""
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
