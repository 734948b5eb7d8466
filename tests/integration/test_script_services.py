"""Services of entry scripts on a real server: what they are given, how they change and scale, and how they fail."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import time
from collections.abc import Iterator

import pytest

from amlet.base.errors import Conflict, NotFound
from amlet.domain.compute import AKS
from amlet.domain.deployment import BY_KEY, BY_TOKEN, Autoscale, Deployment
from amlet.domain.model import Resources
from amlet.wire.computes import CreateCompute
from amlet.wire.services import RegenerateKey, TailQuery, UpdateService
from amlet.wire.workspaces import EnsureWorkspace
from support.on_ray import on_ray
from support.ray_cluster import RayCluster
from support.server import RealServer, until
from support.services import Clients, Place, ask, nowhere, on_nodes, with_key

ECHO = """
import os
from pathlib import Path
def init():
    global root
    root = Path(os.environ["AZUREML_MODEL_DIR"])
    print("model dir", root.name)
def run(data):
    if data == "die":
        os._exit(7)
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    return {"files": files, "pid": os.getpid(), "word": os.environ.get("WORD"), "mark": "MARK"}
"""


ONE, MANY, RAY = "machine", "nodes", "ray"
"""A service keeps the same promises whether the server's machine holds it, nodes of a target, or machines of Ray's."""


def _every(*places: str) -> list[object]:
    return [pytest.param(name, marks=pytest.mark.every_fault) for name in places]


@pytest.fixture(scope="module", params=[ONE, *_every(MANY, RAY)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("scripts")
    if request.param == RAY:
        cluster: RayCluster = request.getfixturevalue("ray_cluster")
        with on_ray(cluster.address) as bench:
            asked = CreateCompute(AKS, "STANDARD_D3_V2", max_nodes=2, idle_s=600)
            bench.client.computes.create(bench.workspace_id, "aks", asked)
            usual = Deployment(kind="aks", target="aks", resources=Resources(cpu=0.1))
            yield Place(bench.server, bench.workspace_id, folder, usual, cluster.home / ".amlet-node")
        return
    server: RealServer = request.getfixturevalue("shared_server")
    workspace = server.client().workspaces.ensure(EnsureWorkspace("s", "g", f"scripts_on_{request.param}")).workspace
    found = Place(server, workspace.id, folder)
    yield found if request.param == ONE else on_nodes(found)


def test_a_script_finds_its_models_its_variables_and_files_beside_it(place: Place) -> None:
    one, two = place.register("one", "a.txt"), place.register("two", "sub/b.txt", "c.txt")
    place.deploy("echo-one", ECHO, model_ids=[one], variables={"WORD": "ünï"})
    place.deploy("echo-two", ECHO, model_ids=[one, two])
    place.deploy("echo-none", ECHO)

    alone = ask(place.settled("echo-one").address)
    assert (alone[0], alone[1]["files"], alone[1]["word"]) == (200, ["a.txt"], "ünï")  # v1-behaviours 15.18
    both = ask(place.settled("echo-two").address)[1]["files"]
    assert both == ["one/1/a.txt", "two/1/c.txt", "two/1/sub/b.txt"]
    assert ask(place.settled("echo-none").address)[1]["files"] == []
    assert "model dir azureml-models" in until(lambda: place.log("echo-none"), what="its log")
    with pytest.raises(Conflict, match='is used by service "echo-two"'):
        place.server.client().models.delete(place.workspace_id, "two", 1)
    for name in ("echo-one", "echo-two", "echo-none"):
        place.delete(name)
    place.server.client().models.delete(place.workspace_id, "two", 1)


def test_updates_while_clients_ask_without_a_pause_lose_no_request(place: Place) -> None:
    place.deploy("updated", ECHO, replicas=2)
    service = place.settled("updated")
    assert service.address is not None
    with Clients(service.address) as clients:
        for turn in (2, 3):
            changed = place.deploy("updated", ECHO.replace("MARK", f"mark {turn}"), update=True, replicas=2)
            assert changed.revision == turn
            after = place.settled("updated", revision=turn)
            until(lambda turn=turn: clients.answers[-1]["mark"] == f"mark {turn}", what="an answer of the revision")
            until(lambda turn=turn: not place.pids("updated", turn - 1), what="the end of the one before")
    assert clients.failures == []
    assert {told["mark"] for told in clients.answers} == {"MARK", "mark 2", "mark 3"}
    assert after.address == service.address
    for turn in (4, 5):
        place.deploy("updated", ECHO.replace("MARK", f"mark {turn}"), update=True, replicas=2)
        place.settled("updated", revision=turn)
        assert {ask(after.address)[1]["mark"] for _ in range(8)} == {f"mark {turn}"}  # Healthy is the new revision's
    place.delete("updated")
    until(lambda: not place.pids("updated", 5), what="the end of all processes")
    with pytest.raises(OSError, match=r"refused|reset"):
        ask(service.address)


@pytest.mark.parametrize("place", [ONE], indirect=True)  # several nodes: test_services_on_nodes.py
def test_no_request_is_refused_while_a_killed_node_is_replaced(place: Place) -> None:
    slowly = place.folder / "slowly"
    place.deploy("survives", ECHO, replicas=2)
    place.deploy("survives-shut", f"{ECHO}\nimport time\nif Path({str(slowly)!r}).exists(): time.sleep(4)", auth=BY_KEY)
    address, shut = place.settled("survives").address, place.settled("survives-shut").address
    assert address is not None
    with Clients(address) as clients:
        node, before = place.server.node_pid(), place.pids("survives", 1)
        os.kill(node, signal.SIGKILL)
        until(lambda: place.server.node_pid() != node, what="the next node")
        until(
            lambda: len(found := place.pids("survives", 1)) == 2 and not set(found) & set(before),
            what="the next node's own processes alone",
            seconds=30,
        )
        until(lambda: clients.answers[-1]["pid"] in place.pids("survives", 1), what="an answer of theirs")
        assert place.settled("survives").address == address
    assert clients.failures == []

    # What was left takes in who may ask now, and ends when it is not wanted any more.
    node, before, (left,) = place.server.node_pid(), place.pids("survives", 1), place.pids("survives-shut", 1)
    client, keys = place.server.client(), place.server.client().services.keys(place.workspace_id, "survives-shut")
    slowly.touch()
    os.kill(node, signal.SIGKILL)
    place.delete("survives")
    fresh = client.services.regenerate_key(place.workspace_id, "survives-shut", RegenerateKey("primary"))
    until(lambda: ask(shut, **with_key(keys.primary))[0] == 401, what="the end of the old key")
    assert ask(shut, **with_key(fresh.primary))[1]["pid"] == left
    place.delete("survives-shut")
    until(lambda: not place.pids("survives", 1), what="the end of what was left")
    until(lambda: not any(_is_alive(pid) for pid in before), what="the end of its processes")
    with pytest.raises(OSError, match=r"refused|reset"):
        ask(address)


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_an_update_that_fails_leaves_the_revision_before_it_answering(place: Place) -> None:
    place.deploy("kept-up", ECHO)
    service = place.settled("kept-up")
    place.deploy("kept-up", "def init(): raise ValueError('no such weights')\ndef run(data): pass", update=True)
    failed = place.settled("kept-up", state="Failed")
    assert "no such weights" in (failed.error or "") and "score.py" in (failed.error or "")
    assert ask(service.address)[1]["mark"] == "MARK"
    place.server.kill()
    place.server.start_again()
    assert ask(service.address)[1]["mark"] == "MARK"

    place.deploy("kept-up", ECHO.replace("MARK", "mended"), update=True)
    mended = place.settled("kept-up", revision=3)
    assert mended.address == service.address
    until(lambda: ask(mended.address)[1]["mark"] == "mended", what="an answer of the mended one")
    place.delete("kept-up")


def test_the_number_of_processes_changes_without_a_revision(place: Place) -> None:
    place.deploy("counted", ECHO, replicas=1)
    service = place.settled("counted")
    (first,) = place.pids("counted", 1)
    held = place.get("counted")
    asked = UpdateService(held.deployment._replace(replicas=3), known=held.changes)
    changed = place.server.client().services.update(place.workspace_id, "counted", asked).service
    assert changed is not None and changed.revision == 1
    with Clients(service.address or "") as clients:  # half of them keep their connection
        until(lambda: place.get("counted").processes == 3, what="three processes")
        until(lambda: len({told["pid"] for told in clients.answers[-30:]}) == 3, what="answers of all three")
    assert clients.failures == []
    assert first in place.pids("counted", 1)
    with pytest.raises(Conflict, match="changed meanwhile"):
        place.server.client().services.update(place.workspace_id, "counted", asked)

    held = place.get("counted")
    asked = UpdateService(held.deployment._replace(replicas=1), known=held.changes)
    with Clients(service.address or "") as clients:
        place.server.client().services.update(place.workspace_id, "counted", asked)
        until(lambda: len(place.pids("counted", 1)) == 1, what="one process")
    assert clients.failures == []
    place.delete("counted")


SLOW = "import time, os\ndef init(): pass\ndef run(data):\n    time.sleep(0.05)\n    return os.getpid()\n"


def test_load_brings_processes(place: Place) -> None:
    place.deploy("busy", SLOW, autoscale=Autoscale(1, 3, 50, 1))
    service = place.settled("busy")
    with Clients(service.address or "", 6) as clients:
        until(lambda: place.get("busy").processes == 3, what="three processes under load")
    assert clients.failures == []
    assert place.get("busy").revision == 1
    place.delete("busy")


@pytest.mark.every_fault
def test_processes_go_again_when_the_load_ends(place: Place) -> None:
    place.deploy("idle-again", SLOW, autoscale=Autoscale(1, 2, 50, 1))
    service = place.settled("idle-again")
    with Clients(service.address or "", 6):
        until(lambda: place.get("idle-again").processes == 2, what="two processes under load")
    until(lambda: place.get("idle-again").processes == 1, seconds=60, what="one process without load")
    place.delete("idle-again")


def test_keys_are_turned_over_without_an_outage(place: Place) -> None:
    client = place.server.client()
    place.deploy("locked", ECHO, auth=BY_KEY, secondary_key="my-own-secondary-key")
    service = place.settled("locked")
    keys = client.services.keys(place.workspace_id, "locked")
    assert keys.secondary == "my-own-secondary-key" and len(keys.primary) >= 32
    assert ask(service.address)[0] == 401
    assert [ask(service.address, **with_key(key))[0] for key in keys] == [200, 200]

    fresh = client.services.regenerate_key(place.workspace_id, "locked", RegenerateKey("primary"))
    assert fresh.primary != keys.primary and fresh.secondary == keys.secondary
    until(lambda: ask(service.address, **with_key(keys.primary))[0] == 401, what="the end of the old key")
    assert [ask(service.address, **with_key(key))[0] for key in fresh] == [200, 200]
    assert place.get("locked").revision == 1
    with pytest.raises(Conflict, match="takes no tokens"):
        client.services.token(place.workspace_id, "locked")
    nowhere(place.server, [keys.primary, fresh.primary, fresh.secondary])
    place.delete("locked")


def test_tokens_open_a_service_until_they_expire(place: Place) -> None:
    client = place.server.client()
    place.deploy("tokens", ECHO, auth=BY_TOKEN)
    service = place.settled("tokens")
    told = client.services.token(place.workspace_id, "tokens")
    assert told.refresh_after < told.expires
    assert ask(service.address, **with_key(told.token))[0] == 200
    head, expires, signature = told.token.split(".")
    later = f"{head}.{int(expires) + 1000}.{signature}"
    assert [ask(service.address, **with_key(token))[0] for token in (later, "x")] == [401, 401]
    with pytest.raises(Conflict, match="takes no keys"):
        client.services.keys(place.workspace_id, "tokens")
    held = place.get("tokens")
    asked = UpdateService(held.deployment._replace(auth="none"))
    client.services.update(place.workspace_id, "tokens", asked)
    until(lambda: ask(service.address)[0] == 200, what="an open service")
    assert place.get("tokens").revision == 1
    place.delete("tokens")


def test_a_crash_loop_is_told_within_ten_seconds_with_the_end_of_the_log(place: Place) -> None:
    place.deploy("crashing", ECHO.replace("os._exit(7)", "print('the last words', flush=True); os._exit(7)"))
    service = place.settled("crashing")
    began = time.monotonic()
    deaths = 0
    while place.get("crashing").state != "Unhealthy" or deaths < 3:
        with contextlib.suppress(OSError, http.client.HTTPException):
            ask(service.address, b"die")
        deaths += 1
        assert time.monotonic() < began + 10
    told = place.get("crashing")
    assert "the last words" in (told.error or "") and told.revision == 1
    until(lambda: _answers(service.address), what="an answer of the next process")
    place.delete("crashing")


def _answers(address: str | None) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask(address)[0] == 200
    return False


HANGS = """
import os, threading
def init(): pass
def run(data):
    if data == "hang":
        threading.Event().wait()
    return os.getpid()
"""


def test_a_dead_process_is_replaced_while_the_others_answer(place: Place) -> None:
    place.deploy("replaced", HANGS, replicas=2)
    service = place.settled("replaced")
    killed = min(place.pids("replaced", 1))
    os.kill(killed, signal.SIGKILL)
    assert ask(service.address)[0] == 200
    until(lambda: killed not in place.pids("replaced", 1) and place.get("replaced").processes == 2, what="two again")
    assert place.get("replaced").state == "Healthy"
    place.delete("replaced")


@pytest.mark.every_fault
def test_a_process_whose_calls_do_not_end_is_replaced(place: Place) -> None:
    place.deploy("stuck", HANGS, replicas=2, scoring_timeout_ms=200)
    service = place.settled("stuck")
    before = set(place.pids("stuck", 1))
    assert ask(service.address, b"hang")[0] == 504  # v1-behaviours 15.16
    until(lambda: len(before - set(place.pids("stuck", 1))) == 1, what="the end of the stuck one")
    until(lambda: place.get("stuck").processes == 2, what="two processes again")
    assert ask(service.address)[0] == 200
    place.delete("stuck")


@pytest.mark.every_fault
def test_a_process_that_is_frozen_is_replaced(place: Place) -> None:
    place.deploy("frozen", ECHO)
    service = place.settled("frozen")
    (pid,) = place.pids("frozen", 1)
    os.kill(pid, signal.SIGSTOP)
    until(lambda: pid not in place.pids("frozen", 1), what="the end of the frozen one", seconds=40)
    until(lambda: _answers(service.address), what="an answer of the next")
    place.delete("frozen")


def test_a_process_that_wants_more_memory_than_it_may_have_is_ended_and_it_is_said(place: Place) -> None:
    greedy = "import time\ndef init():\n    kept = bytearray(400 << 20)\n    time.sleep(5)\ndef run(data): pass\n"
    place.deploy("greedy", greedy, limits=Resources(memory_gb=0.2))
    failed = place.settled("greedy", state="Failed")
    assert "out of memory" in (failed.error or "") and "memory_gb" in (failed.error or "")
    place.delete("greedy")


@pytest.mark.every_fault
@pytest.mark.parametrize("place", [ONE, *_every(MANY)], indirect=True)  # whose nodes are told by their folders
def test_a_service_made_anew_before_its_nodes_heard_of_the_end_answers_as_the_new_one(place: Place) -> None:
    place.deploy("anew", ECHO)
    place.settled("anew")
    nodes = [place.server.node_pid(path.name) for path in place.server.home.nodes.iterdir() if path.name != "trees"]
    place.server.kill()
    for pid in nodes:
        os.kill(pid, signal.SIGSTOP)
    place.server.start()
    place.delete("anew")
    place.deploy("anew", ECHO.replace("MARK", "new"))
    for pid in nodes:
        os.kill(pid, signal.SIGCONT)
    service = place.settled("anew")
    until(lambda: ask(service.address)[1]["mark"] == "new", what="an answer of the new one")
    assert service.revision == 1
    place.delete("anew")


def test_a_log_is_followed_from_where_one_left_off(place: Place) -> None:
    client = place.server.client()
    place.deploy("talking", ECHO)
    service = place.settled("talking")
    until(lambda: "model dir" in place.log("talking"), what="its first words")
    with client.services.logs(place.workspace_id, "talking", TailQuery()) as body:
        body.read()
        offset = body.total_bytes
    assert offset
    ask(service.address)
    with client.services.logs(place.workspace_id, "talking", TailQuery(offset=offset, wait_s=20.0)) as body:
        assert b"POST /score 200" in body.read()
    place.delete("talking")
    with pytest.raises(NotFound):
        place.log("talking")
