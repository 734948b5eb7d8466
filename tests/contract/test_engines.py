"""What every engine keeps. To add one: one more param of the fixture `bench`."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import ClassVar

import pytest

from amlet.client.in_job import install_in_job_side
from amlet.compute.base import Engine
from amlet.compute.local import LocalEngine
from amlet.compute.ray import RayEngine
from amlet.domain.compute import Node
from amlet.domain.job import Share
from amlet.environments.uv_program import find_uv
from amlet.server.parcels import Parcels
from amlet.wire.codec import to_json
from amlet.wire.nodes import LeaseAnswer, NodeWelcome
from support.ray_cluster import RayCluster
from support.server import until

GRACE_S = 10.0
TOKEN = f"of-nodes-of-{os.getpid()}"
"""Tells them from those of the same tests elsewhere on this machine."""


class Bench:
    """Makes engines of one kind over the same nodes, as servers of one home do one after the other."""

    def __init__(self, make: Callable[[Callable[[Node], Mapping[str, str]]], Engine], url: str, sdk: Path) -> None:
        self._make = make
        self._url = url
        self._sdk = sdk
        self._made: list[Engine] = []

    def engine(self) -> Engine:
        self._made.append(self._make(self._variables))
        return self._made[-1]

    def close(self) -> None:
        for engine in self._made:
            engine.close(grace_s=GRACE_S)

    def _variables(self, node: Node) -> dict[str, str]:
        return {
            "AMLET_HOME": str(self._sdk.parent),
            "AMLET_NODE_NAME": node.name,
            "AMLET_NODE_POOL": node.pool,
            "AMLET_NODE_CORES": str(node.share.cores),
            "AMLET_NODE_MEMORY_BYTES": str(node.share.memory_bytes),
            "AMLET_NODE_URL": self._url,
            "AMLET_NODE_TOKEN": TOKEN,
            "AMLET_NODE_SDK": str(self._sdk),
        }


class Parcelled(http.server.BaseHTTPRequestHandler):
    """A server that gives parcels, welcomes nodes, and has no work for them."""

    protocol_version = "HTTP/1.1"
    parcels: Parcels
    ended: threading.Event
    greeted: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        found = self.parcels.find(self.path.rpartition("/")[2])
        assert found is not None and self.headers["Authorization"] == f"Bearer {TOKEN}"
        self._answer(found.path.read_bytes())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/nodes/hello":
            self.greeted.add(asked["node"])
            self._answer(to_json(NodeWelcome(5.0)))
        else:
            self.ended.wait(0.1)
            self._answer(to_json(LeaseAnswer(None)))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="amlet-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def parcels(folder: Path) -> Parcels:
    return Parcels(folder / "parcels", find_uv)


@pytest.fixture(scope="module")
def url(parcels: Parcels) -> Iterator[str]:
    ended = threading.Event()
    here = type("Here", (Parcelled,), {"parcels": parcels, "ended": ended})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), here)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["local", "ray"])
def bench(request: pytest.FixtureRequest, folder: Path, parcels: Parcels, url: str, tmp_path: Path) -> Iterator[Bench]:
    home = tmp_path / "it's a #1? föld%20er"
    sdk = install_in_job_side(home)
    if request.param == "local":
        made = Bench(lambda variables: LocalEngine(home / "nodes", variables), url, sdk)
    else:
        cluster: RayCluster = request.getfixturevalue("ray_cluster")
        identity = f"test-{time.monotonic_ns()}"

        def ray_engine(variables: Callable[[Node], Mapping[str, str]]) -> RayEngine:
            return RayEngine(cluster.address, identity, home / "ray", variables, parcels.made, dict)

        made = Bench(ray_engine, url, sdk)
    Parcelled.greeted.clear()
    yield made
    made.close()


def node(name: str) -> Node:
    return Node(name, "ws/contract", Share(1, 1 << 30), datetime.now(timezone.utc), None)


def at_work(engine: Engine, *names: str) -> None:
    """These nodes have a worker each that has said hello, the engine says so, and there is no other."""

    def look() -> bool:
        said = engine.names() == set(names) and not engine.troubles()
        return said and workers() == set(names) and Parcelled.greeted.issuperset(names)

    until(look, seconds=60, what=f"nodes {names}")


def workers() -> set[str]:
    """The names of the workers of all nodes of these tests."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            is_worker = (folder / "cmdline").read_bytes().endswith(b"-m\0amlet.node\0")
        except OSError:
            continue
        if is_worker and f"AMLET_NODE_TOKEN={TOKEN}".encode() in variables:
            found.update(text[16:].decode() for text in variables if text.startswith(b"AMLET_NODE_NAME="))
    return found


def test_a_node_that_was_started_is_there_by_its_name_until_it_is_stopped(bench: Bench) -> None:
    engine = bench.engine()
    assert engine.names() == set()
    engine.start(node("first"))
    engine.start(node("first"))
    at_work(engine, "first")
    engine.start(node("second"))
    at_work(engine, "first", "second")
    engine.stop("first")
    at_work(engine, "second")
    engine.stop("first")
    engine.stop("never-there")
    at_work(engine, "second")


def test_the_next_server_finds_the_nodes_of_the_one_before_and_ends_them(bench: Bench) -> None:
    before = bench.engine()
    before.start(node("kept"))
    at_work(before, "kept")
    after = bench.engine()
    until(lambda: after.names() == {"kept"}, what="the node, found by the next engine")
    after.start(node("kept"))
    at_work(after, "kept")
    after.close(grace_s=GRACE_S)
    assert after.names() == set() and workers() == set()
    until(lambda: before.names() == set(), what="the end of the node, seen by the engine that started it")


@pytest.mark.alone
def test_no_call_but_the_last_waits(bench: Bench) -> None:
    engine = bench.engine()
    began = time.monotonic()
    for _ in range(3):
        engine.start(node("quick"))
        engine.names()
        engine.troubles()
        engine.stop("quick")
        engine.stop("nobody")
    assert time.monotonic() - began < 1.0
