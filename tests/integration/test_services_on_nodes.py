"""Services spread over the nodes of a compute target, behind one address."""

from __future__ import annotations

import pytest

from amlet.domain.compute import AML_COMPUTE
from amlet.wire.computes import CreateCompute
from amlet.wire.workspaces import EnsureWorkspace
from support.server import RealServer, until
from support.services import Clients, Place, ask

SCRIPT = "import os\ndef init(): pass\ndef run(data): return [os.environ['AMLET_SERVICE_FOLDER'].split('/nodes/')[1].split('/')[0], 'one']\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, shared_server: RealServer) -> Place:
    client = shared_server.client()
    workspace = client.workspaces.ensure(EnsureWorkspace("s", "g", "nodes")).workspace
    asked = CreateCompute(AML_COMPUTE, "STANDARD_D2_V2", min_nodes=0, max_nodes=2, idle_s=2)
    client.computes.create(workspace.id, "cluster", asked)
    return Place(shared_server, workspace.id, tmp_path_factory.mktemp("nodes"))


def test_first(place: Place) -> None:
    place.deploy("spread", SCRIPT, target="cluster", replicas=2)
    import time

    t = time.time()
    service = place.settled("spread")
    print("healthy", time.time() - t, service)
    answers = [ask(service.address) for _ in range(10)]
    print(answers)
    with Clients(service.address or "") as clients:
        place.deploy("spread", SCRIPT.replace("one", "two"), target="cluster", replicas=2, update=True)
        t = time.time()
        place.settled("spread", revision=2)
        print("second", time.time() - t)
        n = len(clients.answers)
        until(lambda: len(clients.answers) > n + 20)
    print(len(clients.answers), clients.failures[:5])
    assert clients.failures == []
    place.delete("spread")
    until(
        lambda: not place.server.client().computes.nodes(place.workspace_id, "cluster").nodes, what="the end of nodes"
    )
