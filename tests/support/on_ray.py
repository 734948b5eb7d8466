"""A server whose clusters are machines of a cluster of Ray's."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amlet.domain.compute import AML_COMPUTE
from amlet.domain.run import RUNNING, Run
from amlet.wire.computes import ComputeNode, CreateCompute
from amlet.wire.files import FileQuery
from amlet.wire.server import StopServer
from support.ray_cluster import RayCluster, arguments_of
from support.runs import submit_script, workspace_id
from support.server import RealServer, until

WAITS = """
import pathlib, sys, time
while not pathlib.Path({go_on!r}).exists():
    time.sleep(0.05)
"""


class OnRay:
    """A server of an empty home whose clusters are Ray's."""

    def __init__(self, folder: Path, address: str, host: str | None) -> None:
        self.folder = folder
        self._host = host
        self.server = RealServer(folder / "home")
        self._address = address
        self.start()

    def start(self) -> None:
        # A home without settings of Ray's, and not that of the cluster's own processes.
        self.server.start(host=self._host, AMLET_ENGINE="ray", AMLET_RAY_ADDRESS=self._address, HOME=str(self.folder))
        self.client = self.server.client()
        self.workspace_id = workspace_id(self.client)

    def cluster(self, name: str, *, max_nodes: int = 1, min_nodes: int = 0, idle_s: int = 2) -> None:
        asked = CreateCompute(AML_COMPUTE, "STANDARD_D2_V2", min_nodes=min_nodes, max_nodes=max_nodes, idle_s=idle_s)
        state = self.client.computes.create(self.workspace_id, name, asked)
        assert state.target.engine == "ray"

    def submit(self, text: str, target: str, **job_fields: Any) -> Run:
        return submit_script(self.client, self.folder / "source", text, target=target, **job_fields)

    def waiting(self, target: str, *, retries: int = 0) -> Run:
        """A run whose script goes on until `release`."""
        text = WAITS.format(go_on=str(self.go_on)) + f"# {time.monotonic_ns()}"  # a submission of its own
        run = self.submit(text, target, retries=retries)
        return self.comes_to(run, RUNNING)

    @property
    def go_on(self) -> Path:
        return self.folder / "go-on"

    def comes_to(self, run: Run, *statuses: str, seconds: float = 60.0) -> Run:
        def look() -> Run | None:
            found = self.client.runs.get(run.workspace_id, run.id).run
            return found if found.status in statuses else None

        return until(look, seconds=seconds, what=f"status {statuses}")

    def nodes(self, target: str) -> list[ComputeNode]:
        return self.client.computes.nodes(self.workspace_id, target).nodes

    def text(self, run: Run, path: str) -> str:
        with self.client.runs.file(run.workspace_id, run.id, FileQuery(path)) as body:
            return body.read().decode()

    def why(self, run: Run) -> str:
        """Why a run waits."""
        return self.client.runs.get(run.workspace_id, run.id).run.waiting_for or ""

    def gone(self, target: str, *, seconds: float = 40.0) -> None:
        until(lambda: not self.nodes(target), seconds=seconds, what=f"the end of {target}'s nodes")

    def end(self) -> None:
        """As `amlet server stop` does: the nodes end with it."""
        if self.server.process is not None and self.server.process.poll() is None:
            self.client.server.stop(StopServer(cancel_runs=True))
            self.server.process.wait(60)
        self.server.close()


@contextmanager
def on_ray(address: str, host: str | None = None) -> Iterator[OnRay]:
    """`host` is where the server listens, if not on loopback."""
    folder = Path(tempfile.mkdtemp(prefix="amlet-"))
    made = OnRay(folder, address, host)
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


def workers(cluster: RayCluster, target: str) -> list[int]:
    """The workers of a target's nodes on a cluster's machines, and their guards."""
    found = []
    for pid in cluster.processes():
        with contextlib.suppress(OSError):
            if "amlet.node" in arguments_of(pid) and Path(f"/proc/{pid}/cwd").readlink().name.startswith(target):
                found.append(pid)
    return found
