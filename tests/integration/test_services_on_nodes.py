"""Services spread over the nodes of a compute target: where they are, who may ask there, and what outlives what."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amlet.base.errors import Conflict, InvalidInput
from amlet.domain.compute import COMPUTE_INSTANCE
from amlet.domain.deployment import ENDPOINT, Deployment
from amlet.domain.model import Resources
from amlet.operations.lease import LEASE_S
from amlet.runtime.scoring.router import PATIENCE_S
from amlet.runtime.scoring.turns import ROUTES_FILE, Route, Routes
from amlet.wire.computes import CreateCompute
from amlet.wire.services import DeployService, UpdateService
from support.runs import finish, submit_script, workspace_id
from support.server import RealServer, until
from support.services import WHERE, Clients, Place, ask, counted, nodes_of, nowhere, on_nodes

TARGET = "serving"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, shared_server: RealServer) -> Iterator[Place]:
    workspace = workspace_id(shared_server.client())
    yield on_nodes(Place(shared_server, workspace, tmp_path_factory.mktemp("nodes")), TARGET, idle_s=2)
    until(lambda: not _nodes(shared_server, workspace), what="the end of the nodes, which are idle")


def _nodes(server: RealServer, workspace: str) -> dict[str, str]:
    """What each node of the target does."""
    return {node.name: node.state for node in server.client().computes.nodes(workspace, TARGET).nodes}


def _routes(place: Place) -> list[Route]:
    """Where replicas listen, as their routers are told."""
    folder = place.server.home.nodes / "local" / "replicas"
    told = [Routes.read(path.parent) for path in folder.glob("router-*/process-*/routes.json")]
    return [route for routes in told for route in routes.routes]


def _replicas(place: Place, name: str, node: str) -> list[int]:
    """The processes of a service's first revision on one node."""
    return [pid for pid in place.pids(name, 1) if f"/{node}/" in str(Path(f"/proc/{pid}/cwd").readlink())]


def test_a_service_is_on_several_nodes_that_come_for_it_and_changes_without_a_refused_request(place: Place) -> None:
    place.deploy("spread", WHERE, replicas=2)
    service = place.settled("spread")
    names = set(_nodes(place.server, place.workspace_id))
    assert nodes_of(service.address) == names and len(names) == 2
    assert set(_nodes(place.server, place.workspace_id).values()) == {"running"}
    assert counted(service.address) == 12  # of both
    until(lambda: all(f"begun on {name}" in place.log("spread") for name in names), what="the log of both")

    for route in _routes(place):  # nobody but the router gets an answer there
        address = f"http://{route.host}:{route.port}"
        assert ask(address)[0] == 403 and ask(address, **{"X-Amlet-Router": "guess"})[0] == 403
    secrets = {route.secret for route in _routes(place)}
    assert len(secrets) == 1 and len(min(secrets)) > 40
    nowhere(place.server, list(secrets), but=ROUTES_FILE)

    with Clients(service.address or "") as clients:
        place.deploy("spread", WHERE.replace("MARK", "next"), update=True, replicas=2)
        after = place.settled("spread", revision=2)
        asked = len(clients.answers)
        assert {ask(service.address)[1][1] for _ in range(8)} == {"next"}  # Healthy is the new revision's
        until(lambda: len(clients.answers) > asked + 40, what="answers of the new one")
    assert clients.failures == []
    assert {mark for _, mark in clients.answers} == {"MARK", "next"}
    assert {mark for _, mark in clients.answers[-30:]} == {"next"}
    assert after.address == service.address
    assert not place.pids("spread", 1)

    with pytest.raises(Conflict, match='serves 1 services, such as "spread"'):
        place.server.client().computes.delete(place.workspace_id, TARGET)
    place.delete("spread")
    until(lambda: not place.pids("spread", 2), what="the end of all processes")
    with pytest.raises(OSError, match=r"refused|reset"):
        ask(service.address)


def test_a_killed_node_under_load_costs_only_what_it_was_answering(place: Place) -> None:
    place.deploy("outlives", WHERE, replicas=2)
    service = place.settled("outlives")
    killed = min(nodes_of(service.address))
    replicas = _replicas(place, "outlives", killed)
    with Clients(service.address or "") as clients:
        until(lambda: len(clients.answers) > 20, what="answers before")
        for pid in (place.server.node_pid(killed), *replicas):
            os.kill(pid, signal.SIGKILL)
        asked = len(clients.answers)
        until(lambda: len(clients.answers) > asked + 40, what="answers of the other")
        until(lambda: place.get("outlives").processes == 2 and len(nodes_of(service.address)) == 2, what="both again")
    assert len(clients.failures) <= 4, clients.failures  # as many as there are clients: each had one request there
    assert all("ended while it answered" in failure for failure in clients.failures)
    assert place.settled("outlives").revision == 1
    place.delete("outlives")


def test_a_service_waits_for_a_node_and_says_why_and_shares_one_with_runs(place: Place, tmp_path: Path) -> None:
    client = place.server.client()
    place.deploy("large", WHERE, replicas=3, resources=Resources(cpu=1))
    until(lambda: "2 serve models" in place.get("large").step, what="why the third has no node")
    assert "none has 1 core free" in place.get("large").step
    run = submit_script(client, tmp_path, "print('ran')", target=TARGET)

    def waits() -> str:
        return client.runs.get(run.workspace_id, run.id).run.waiting_for or ""

    until(lambda: "2 of 2 nodes are busy, 2 of them with services" in waits(), what="why the run waits")
    held = place.get("large").deployment
    client.services.update(place.workspace_id, "large", UpdateService(held._replace(replicas=1)))
    place.settled("large")
    assert finish(client, run).status == "Completed"
    place.delete("large")


def test_versions_of_an_endpoint_may_be_on_nodes_and_on_the_servers_machine(place: Place) -> None:
    client = place.server.client()
    client.services.deploy(place.workspace_id, DeployService("shop", Deployment(kind=ENDPOINT)))
    place.deploy("shop", WHERE.replace("MARK", "far"), version="far", replicas=2)
    place.deploy("shop", WHERE.replace("MARK", "near"), version="near", traffic=50, target=None)
    place.settled("shop", version="far")
    place.settled("shop", version="near")
    endpoint = place.settled("shop")
    until(lambda: ask(endpoint.address)[0] == 200, what="an answer")
    told = [ask(endpoint.address)[1] for _ in range(40)]
    assert [sum(mark == name for _, mark in told) for name in ("far", "near")] == [20, 20]
    assert len({node for node, mark in told if mark == "far"}) == 2
    place.delete("shop")


def test_a_target_that_is_one_machine_elsewhere_serves_nothing(place: Place) -> None:
    asked = CreateCompute(COMPUTE_INSTANCE, "STANDARD_D2_V2")
    place.server.client().computes.create(place.workspace_id, "mine", asked)
    with pytest.raises(InvalidInput, match="is of the kind ComputeInstance and serves no models"):
        place.deploy("nowhere", WHERE, target="mine")


@pytest.mark.every_fault
def test_no_request_hangs_on_a_node_that_is_frozen(place: Place) -> None:
    place.deploy("frozen", WHERE, replicas=2)
    service = place.settled("frozen")
    until(lambda: len(nodes_of(service.address)) == 2, what="both nodes")
    node = min(nodes_of(service.address))
    pids = [place.server.node_pid(node), *_replicas(place, "frozen", node)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(ask, service.address, b"x", timeout_s=60) for _ in range(8)]
            statuses = [future.result()[0] for future in asked]
        assert time.monotonic() - began < LEASE_S + PATIENCE_S + 10
        assert set(statuses) <= {200, 502} and 200 in statuses
        until(lambda: node not in nodes_of(service.address), what="answers of the other alone")
        until(lambda: place.get("frozen").processes == 2, what="another in its place")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    until(lambda: not set(pids[1:]) & set(place.pids("frozen", 1)), what="the end of what it held")
    assert ask(place.settled("frozen").address)[0] == 200
    place.delete("frozen")


@pytest.mark.every_fault
def test_a_killed_worker_costs_no_request_while_another_node_answers(place: Place) -> None:
    place.deploy("taken-up", WHERE, replicas=2)
    service = place.settled("taken-up")
    until(lambda: len(nodes_of(service.address)) == 2, what="both nodes")
    node = min(nodes_of(service.address))
    before = set(_replicas(place, "taken-up", node))
    with Clients(service.address or "") as clients:
        os.kill(place.server.node_pid(node), signal.SIGKILL)  # its replicas answer on until the next one ends them
        until(lambda: not before & set(place.pids("taken-up", 1)), what="the end of what it left")
        until(lambda: len(nodes_of(service.address)) == 2, what="both again")
    assert clients.failures == []
    place.delete("taken-up")
