"""Services of real models: they come back, keep their port, say why they fail, and go when told."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request

import pytest

from amlet.domain.deployment import Deployment
from amlet.wire.services import DeployService, ServiceQuery, TailQuery
from support.models import deploy_iris
from support.server import RealServer, until
from support.services import replica_pids

ROWS = b'{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}'


@pytest.fixture(scope="module")
def served(tmp_path_factory, shared_server: RealServer):
    """A server with a registered model of iris, trained in an environment of ours."""
    return deploy_iris(shared_server, tmp_path_factory.mktemp("iris"), "kept")


def _ask(address: str) -> object:
    asked = urllib.request.Request(address + "/score", ROWS, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def _service(server: RealServer, workspace_id: str, name: str, state: str):
    client = server.client()
    return until(
        lambda: (found := client.services.get(workspace_id, name, ServiceQuery())).state == state and found,
        what=f"{name} in state {state}",
    )


def _replica_pid(server: RealServer, workspace_id: str) -> int | None:
    """The process of the present replica of `kept`; None between two of them."""
    revision = server.client().services.get(workspace_id, "kept", ServiceQuery()).revision
    pids = replica_pids(server.home.nodes, workspace_id, "kept", revision)
    return pids[0] if pids else None


def test_a_killed_replica_comes_back_on_its_port(served, shared_server: RealServer):
    before = _service(shared_server, served.workspace_id, "kept", "Healthy")
    pid = until(lambda: _replica_pid(shared_server, served.workspace_id), what="the replica")

    os.kill(pid, signal.SIGKILL)

    until(lambda: _replica_pid(shared_server, served.workspace_id) not in (None, pid), what="another replica")
    after = _service(shared_server, served.workspace_id, "kept", "Healthy")
    assert after.address == before.address
    assert _ask(after.address) == {"predict": [0]}


def test_requests_made_while_a_replica_is_replaced_are_answered(served, shared_server: RealServer):
    address = _service(shared_server, served.workspace_id, "kept", "Healthy").address
    asked = DeployService("kept", Deployment([served.model_id]), overwrite=True)
    shared_server.client().services.deploy(served.workspace_id, asked)

    answers = []
    until(
        lambda: (
            answers.append(_ask(address))
            or (
                _service_now(shared_server, served).state == "Healthy"
                and _service_now(shared_server, served).revision == 2
            )
        ),
        what="the second revision",
    )
    answers.append(_ask(address))

    assert all(answer == {"predict": [0]} for answer in answers)
    assert _service_now(shared_server, served).address == address


def test_a_services_log_holds_what_its_replica_printed(served, shared_server: RealServer):
    client = shared_server.client()
    address = _service(shared_server, served.workspace_id, "kept", "Healthy").address
    _ask(address)

    def found() -> bool:
        with client.services.logs(served.workspace_id, "kept", TailQuery()) as body:
            return b"/score" in body.read()

    until(found, what="the request's line in the log")


def test_a_taken_port_fails_the_deployment_with_its_reason(served, shared_server: RealServer):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        asked = DeployService("on-a-port", Deployment([served.model_id], port=other.getsockname()[1]))
        shared_server.client().services.deploy(served.workspace_id, asked)

        failed = _service(shared_server, served.workspace_id, "on-a-port", "Failed")

    assert f"Port {asked.deployment.port} on 127.0.0.1 is in use by another program" in failed.error
    shared_server.client().services.delete(served.workspace_id, "on-a-port")


def test_a_deleted_service_ends_its_replica_and_frees_its_port(served, shared_server: RealServer):
    shared_server.client().services.deploy(
        served.workspace_id, DeployService("short-lived", Deployment([served.model_id]))
    )
    address = _service(shared_server, served.workspace_id, "short-lived", "Healthy").address
    shared_server.client().services.delete(served.workspace_id, "short-lived")

    def closed() -> bool:
        try:
            _ask(address)
        except OSError:
            return True
        return False

    until(closed, what="the end of the replica")


def test_a_service_comes_back_after_the_whole_server_was_stopped(fresh_server: RealServer, tmp_path):
    served = deploy_iris(fresh_server, tmp_path, "back-again")
    before = _service(fresh_server, served.workspace_id, "back-again", "Healthy")
    fresh_server.client().server.stop(_stop())
    assert fresh_server.process is not None
    fresh_server.process.wait(20)
    assert fresh_server.marked() == []

    fresh_server.start()

    until(lambda: _answers(before.address), what="the same service at the same address")


def _answers(address: str) -> bool:
    try:
        return _ask(address) == {"predict": [0]}
    except OSError:
        return False


def _stop():
    from amlet.wire.server import StopServer

    return StopServer()


def _service_now(server: RealServer, served):
    return server.client().services.get(served.workspace_id, "kept", ServiceQuery())
