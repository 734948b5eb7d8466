"""Endpoints: versions behind one address, which get their shares of the requests."""

from __future__ import annotations

import collections
import os
import signal
from pathlib import Path

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.deployment import BY_KEY, ENDPOINT, Deployment
from amlet.domain.service import TrafficShare
from amlet.node.keeper import replica_name
from amlet.wire.services import DeployService, SetTraffic, UpdateService
from amlet.wire.workspaces import EnsureWorkspace
from support.server import RealServer, until
from support.services import Clients, Place, ask, with_key

SCRIPT = "def init(): pass\ndef run(data):\n    if data == 'raise': raise ValueError\n    return 'NAME'\n"


def _script(name: str) -> str:
    return SCRIPT.replace("NAME", name)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, shared_server: RealServer) -> Place:
    asked = EnsureWorkspace("s", "g", "endpoints")
    workspace = shared_server.client().workspaces.ensure(asked).workspace
    return Place(shared_server, workspace.id, tmp_path_factory.mktemp("endpoints"))


def _endpoint(place: Place, name: str, auth: str = "none") -> None:
    asked = DeployService(name, Deployment(kind=ENDPOINT, auth=auth))
    place.server.client().services.deploy(place.workspace_id, asked)


def _split(address: str | None, count: int = 100) -> dict[str, int]:
    return dict(collections.Counter(ask(address)[1] for _ in range(count)))


def test_versions_get_their_shares_and_what_is_left_over_goes_to_the_default(place: Place) -> None:
    client = place.server.client()
    _endpoint(place, "shop")
    endpoint = place.settled("shop")
    assert ask(endpoint.address) == (503, {"message": "No version of this endpoint answers yet."})
    place.deploy("shop", _script("blue"), version="blue")
    place.settled("shop", version="blue")
    until(lambda: ask(endpoint.address) == (200, "blue"), what="the first version's answer")
    assert place.get("shop", "blue").is_default

    place.deploy("shop", _script("green"), version="green", traffic=20)
    place.settled("shop", version="green")
    until(lambda: _split(endpoint.address) == {"blue": 80, "green": 20}, what="a fifth of the requests")
    shares = [TrafficShare("green", 70), TrafficShare("blue", 20)]
    told = client.services.set_traffic(place.workspace_id, "shop", SetTraffic(shares, default="green")).services
    assert [(one.version, one.traffic, one.is_default) for one in told] == [("blue", 20, False), ("green", 70, True)]
    until(lambda: _split(endpoint.address) == {"blue": 20, "green": 80}, what="the shares turned round")
    assert ask(endpoint.address, **{"X-Amlet-Version": "blue"})[1] == "blue"
    assert ask(endpoint.address, **{"X-Amlet-Version": "red"})[0] == 404
    assert ask(endpoint.address, b"raise")[0] == 500

    with pytest.raises(Conflict, match=r"would get 110 %"):
        place.deploy("shop", _script("blue"), update=True, version="blue", traffic=40)
    with pytest.raises(Conflict, match='"green" is the default'):
        place.delete("shop", "green")
    with pytest.raises(NotFound, match="has no version red"):
        asked = SetTraffic([TrafficShare("red", 1)])
        client.services.set_traffic(place.workspace_id, "shop", asked)
    with pytest.raises(InvalidInput, match="more than 100"):
        asked = SetTraffic([TrafficShare("blue", 60), TrafficShare("green", 60)])
        client.services.set_traffic(place.workspace_id, "shop", asked)
    assert [one.name for one in client.services.list(place.workspace_id).services].count("shop") == 1
    assert [one.version for one in client.services.versions(place.workspace_id, "shop").services] == ["blue", "green"]
    place.delete("shop")
    until(lambda: not _answers(endpoint.address), what="the end of the endpoint")
    with pytest.raises(NotFound):
        place.get("shop", "green")


def test_no_request_is_lost_while_versions_change_and_go(place: Place) -> None:
    _endpoint(place, "steady")
    place.deploy("steady", _script("one"), version="one")
    place.deploy("steady", _script("two"), version="two", traffic=50)
    place.settled("steady", version="one")
    place.settled("steady", version="two")
    endpoint = place.settled("steady")
    until(lambda: len(_split(endpoint.address, 4)) == 2, what="both versions")
    with Clients(endpoint.address or "") as clients:
        place.deploy("steady", _script("two anew"), update=True, version="two")
        until(lambda: "two anew" in clients.answers[-20:], what="the version's next revision")
        place.delete("steady", "two")
        until(lambda: set(clients.answers[-20:]) == {"one"}, what="the other version alone")
    assert clients.failures == []
    assert set(clients.answers) == {"one", "two", "two anew"}
    place.delete("steady")


def test_the_keys_of_an_endpoint_are_those_of_its_versions(place: Place) -> None:
    client = place.server.client()
    _endpoint(place, "shut", BY_KEY)
    place.deploy("shut", _script("in"), version="in")
    endpoint = place.settled("shut")
    until(lambda: place.get("shut", "in").state == "Healthy", what="the version")
    keys = client.services.keys(place.workspace_id, "shut")
    until(lambda: ask(endpoint.address, **with_key(keys.secondary)) == (200, "in"), what="an answer")
    assert ask(endpoint.address)[0] == 401
    held = place.get("shut").deployment
    client.services.update(place.workspace_id, "shut", UpdateService(held._replace(auth="none")))
    until(lambda: ask(endpoint.address)[0] == 200, what="an open endpoint")
    place.delete("shut")


def test_a_version_that_fails_gets_no_requests_and_its_endpoint_says_so(place: Place) -> None:
    _endpoint(place, "half")
    place.deploy("half", _script("good"), version="good")
    place.settled("half", version="good")
    place.deploy("half", "def init(): raise OSError('no weights')\ndef run(data): pass", version="bad", traffic=90)
    place.settled("half", state="Failed", version="bad")
    told = place.get("half")
    assert told.state == "Failed" and "Version bad:" in (told.error or "") and "no weights" in (told.error or "")
    assert _split(told.address, 20) == {"good": 20}
    place.delete("half", "bad")
    assert place.settled("half").error is None
    place.delete("half")


def test_a_router_that_dies_comes_back_on_its_port(place: Place) -> None:
    _endpoint(place, "routed")
    place.deploy("routed", _script("v"), version="version-1")
    place.settled("routed", version="version-1")
    endpoint = place.settled("routed")
    until(lambda: _answers(endpoint.address), what="an answer")
    own = f"router-{replica_name(place.workspace_id, 'routed', 0)}".encode()
    (pid,) = [pid for pid in place.server.marked() if own in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists() and _answers(endpoint.address), what="another router")
    assert place.get("routed").address == endpoint.address
    place.delete("routed")


def test_versions_are_of_endpoints_alone(place: Place) -> None:
    place.deploy("plain", _script("x"))
    with pytest.raises(InvalidInput, match="is no endpoint"):
        place.deploy("plain", _script("x"), version="blue")
    with pytest.raises(Conflict, match="is a service already"):
        asked = DeployService("plain", Deployment(kind=ENDPOINT), overwrite=True)
        place.server.client().services.deploy(place.workspace_id, asked)
    place.delete("plain")
    with pytest.raises(NotFound, match="WebserviceNotFound"):
        place.deploy("nowhere", _script("x"), version="blue")


def _answers(address: str | None) -> bool:
    try:
        return ask(address)[0] == 200
    except OSError:
        return False
