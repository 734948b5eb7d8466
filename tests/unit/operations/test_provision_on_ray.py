"""Nodes that Ray brings: what the reconciler does otherwise for them."""

from __future__ import annotations

import pytest

from amlet.domain.compute import LOCAL_ENGINE, RAY_ENGINE, Node, pool_of
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job, Share
from amlet.operations.lease import LEASE_S
from amlet.operations.provision import create_compute
from amlet.operations.reconcile import Reconciler
from amlet.operations.waiting import with_waits
from amlet.wire.computes import CreateCompute

MACHINE = Share(2, 8 << 30)
ENGINES = (LOCAL_ENGINE, RAY_ENGINE)


class Ray:
    """Keeps what it was told to start."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self.started: list[Node] = []

    def names(self) -> set[str]:
        return set(self.alive)

    def troubles(self) -> dict[str, str]:
        return {}

    def start(self, node: Node) -> None:
        if node.name != "local":
            self.started.append(node)
        self.alive.add(node.name)

    def stop(self, name: str) -> None:
        self.alive.discard(name)

    def close(self, *, grace_s: float) -> None:
        self.alive.clear()


@pytest.fixture
def ray(world) -> Ray:
    asked = CreateCompute("AmlCompute", "STANDARD_NC6", max_nodes=4, idle_s=600)
    world.do(
        lambda tx: create_compute(
            tx,
            world.workspace_id,
            "cpu",
            asked,
            MACHINE,
            world.now,
            seal=str,
            engines=ENGINES,
            cluster_engine=RAY_ENGINE,
        )
    )
    return Ray()


def _pass(world, ray, seconds=1.0):
    Reconciler(world.records, ray, MACHINE, engines=ENGINES).pass_over(world.later(seconds))


def _submit(world):
    return world.submit(job=Job(EnvironmentSpec("env"), "", script="train.py", target="cpu"))


def _running(world, ray):
    """A node of Ray's that holds a run."""
    _submit(world)
    _pass(world, ray)
    node = ray.started[-1]
    world.hello(node.name, node.pool)
    held = world.take(node.name)
    return node, held


def test_a_node_asks_for_what_its_size_says_not_for_a_part_of_the_servers_machine(world, ray):
    _submit(world)
    _pass(world, ray)
    assert ray.started[0].share == Share(6, 56 << 30, 1)


def test_a_node_that_ray_no_longer_knows_keeps_its_run_while_it_renews_and_no_other_bears_its_name(world, ray):
    node, held = _running(world, ray)
    ray.alive.discard(node.name)
    _pass(world, ray)
    assert ray.started == [node]
    assert world.look(lambda tx: tx.leases.find(world.workspace_id, held.run_id)).node == node.name


def test_a_node_that_calls_is_there_whatever_ray_says_and_gone_a_lease_after_its_last_call(world, ray):
    pool = pool_of(world.workspace_id, "cpu")
    world.hello("cpu-of-a-head-that-was-lost", pool)
    _pass(world, ray)
    assert [node.name for node in world.look(lambda tx: tx.nodes.list(pool))] == ["cpu-of-a-head-that-was-lost"]
    _pass(world, ray, LEASE_S)
    assert world.look(lambda tx: tx.nodes.list(pool)) == []


def test_a_run_of_a_server_that_was_started_without_ray_says_so(world, ray):
    run = _submit(world)
    waits = world.look(lambda tx: with_waits(tx, [run], MACHINE, world.now, engines=(LOCAL_ENGINE,)))
    assert "the engine ray, which this server was started without" in waits.runs[0].waiting_for
