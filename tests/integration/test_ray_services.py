"""Services on a cluster of Ray's: their processes are on its machines, behind the server's address."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amlet.domain.compute import AKS
from amlet.domain.deployment import Deployment
from amlet.domain.model import Resources
from amlet.runtime.process import mark_of
from amlet.runtime.scoring.turns import Routes
from amlet.wire.computes import CreateCompute
from support.on_ray import OnRay, on_ray, workers
from support.ray_cluster import Machine, RayCluster, arguments_of, machines_apart
from support.server import until
from support.services import WHERE, Clients, Place, ask, counted, nodes_of


@pytest.fixture(scope="module")
def shared(ray_cluster: RayCluster) -> Iterator[OnRay]:
    with on_ray(ray_cluster.address) as made:
        yield made


def _serving(bench: OnRay, target: str, *, most: int = 2) -> Place:
    """A serving target of that name, and services that are spread over it."""
    asked = CreateCompute(AKS, "STANDARD_D3_V2", max_nodes=most, idle_s=2)
    state = bench.client.computes.create(bench.workspace_id, target, asked)
    assert (state.target.engine, state.target.has_nodes, state.target.takes_runs) == ("ray", True, False)
    usual = Deployment(kind="aks", target=target, resources=Resources(cpu=0.1))
    return Place(bench.server, bench.workspace_id, bench.folder, usual)


def _replicas(cluster: RayCluster, target: str) -> list[int]:
    """The scoring processes on a target's nodes."""
    found = []
    for pid in cluster.processes():
        with contextlib.suppress(OSError):
            is_replica = any(part.endswith("/replica.py") for part in arguments_of(pid))
            if is_replica and f"/nodes/{target}-" in str(Path(f"/proc/{pid}/cwd").readlink()):
                found.append(pid)
    return found


def test_a_service_is_on_machines_of_rays_and_the_next_server_finds_it(ray_cluster: RayCluster, shared: OnRay) -> None:
    place = _serving(shared, "aks")
    place.deploy("far", WHERE, replicas=2)
    service = place.settled("far")
    until(lambda: len(nodes_of(service.address)) == 2, what="both machines")
    assert nodes_of(service.address) == {node.name for node in shared.nodes("aks")}
    assert len(_replicas(ray_cluster, "aks")) == 2
    assert counted(service.address) >= 12
    until(lambda: place.log("far").count("begun on aks") == 2, what="the log of both")
    with Clients(service.address or "") as clients:
        shared.server.kill()
        shared.start()
        place.deploy("far", WHERE.replace("MARK", "next"), update=True, replicas=2)
        place.settled("far", revision=2)
        assert {ask(service.address)[1][1] for _ in range(8)} == {"next"}
    assert clients.failures == []
    place.delete("far")
    until(lambda: not _replicas(ray_cluster, "aks"), what="the end of all processes")
    shared.gone("aks")  # its machines are free again
    assert not workers(ray_cluster, "aks")


@pytest.mark.every_fault
@pytest.mark.parametrize("kill", [Machine.kill, Machine.kill_raylet])
def test_a_machine_that_is_lost_under_load_is_replaced_by_another(
    ray_cluster: RayCluster, shared: OnRay, kill: Callable[[Machine], None]
) -> None:
    target = kill.__name__.replace("_", "-")
    lost, _ = (ray_cluster.add_machine({f"amlet_{target}": 1}) for _ in range(2))
    place = _serving(shared, target)
    place.deploy("steady", WHERE, replicas=2)
    service = place.settled("steady")
    marks = [mark_of(pid) for pid in lost.processes()]
    until(lambda: len(nodes_of(service.address)) == 2, what="both machines")
    with Clients(service.address or "") as clients:
        until(lambda: len(clients.answers) > 20, what="answers before")
        kill(lost)
        asked = len(clients.answers)
        until(lambda: len(clients.answers) > asked + 100, what="answers of the other machine")

        def on_one() -> set[str] | None:
            found = nodes_of(service.address)
            return found if len(found) == 1 and place.get("steady").processes == 2 else None

        (kept,) = until(on_one, seconds=60, what="another process where there is room")
        ray_cluster.add_machine({f"amlet_{target}": 1})
        until(lambda: len(nodes_of(service.address)) == 2, seconds=90, what="a machine in its place")
    assert len(clients.failures) <= 4, clients.failures
    assert kept in nodes_of(service.address)  # what was well did not move
    assert place.settled("steady").processes == 2
    until(lambda: not any(mark.is_alive() for mark in marks), what="the end of what it ran")
    place.delete("steady")
    until(lambda: not _replicas(ray_cluster, target), what="the end of all processes")


@pytest.mark.every_fault
def test_a_killed_worker_of_a_machine_comes_again_with_its_replica(ray_cluster: RayCluster, shared: OnRay) -> None:
    place = _serving(shared, "aks")
    place.deploy("again", WHERE, replicas=2)
    service = place.settled("again")
    (first, *_) = sorted(workers(ray_cluster, "aks"), reverse=True)
    replicas = set(_replicas(ray_cluster, "aks"))
    os.kill(first, signal.SIGKILL)
    until(lambda: len(replicas & set(_replicas(ray_cluster, "aks"))) == 1, what="the end of what it left")
    until(lambda: len(_replicas(ray_cluster, "aks")) == 2 and len(nodes_of(service.address)) == 2, what="both again")
    assert place.settled("again").state == "Healthy"
    place.delete("again")


@pytest.mark.every_fault
def test_replicas_listen_at_their_machines_own_address_and_answer_the_router_alone() -> None:
    uv = Path(sys.executable).with_name("uv")
    cache = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    # They have no way to an index, but to what this machine has fetched.
    with (
        machines_apart("amlet_apart", UV_OFFLINE="1", UV_CACHE_DIR=cache) as (cluster, networks),
        on_ray(cluster.address, networks.host) as bench,
    ):
        place = _serving(bench, "apart")
        place.deploy("apart", WHERE, replicas=2)
        service = place.settled("apart")
        assert service.address is not None and service.address.startswith("http://127.0.0.1:")
        until(lambda: len(nodes_of(service.address)) == 2, what="both machines")
        held = place.server.home.nodes / "local" / "replicas"
        (told,) = [Routes.read(path.parent) for path in held.glob("router-*/process-*/routes.json")]
        assert sorted(route.host for route in told.routes) == sorted(networks.addresses)
        for route in told.routes:
            assert ask(f"http://{route.host}:{route.port}")[0] == 403
