"""Compute targets and the nodes they get."""

from __future__ import annotations

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.compute import pool_of
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job, Share
from amlet.operations.provision import create_compute, delete_compute, describe_compute, find_compute, update_compute
from amlet.operations.reconcile import Reconciler
from amlet.wire.computes import CreateCompute, UpdateCompute

MACHINE = Share(8, 32 << 30)


class Engine:
    """Nodes that start and end as told."""

    def __init__(self):
        self.alive = set()

    def names(self):
        return set(self.alive)

    def start(self, node):
        self.alive.add(node.name)

    def stop(self, name):
        self.alive.discard(name)

    def close(self, *, grace_s):
        self.alive.clear()


def _create(world, name="cpu-cluster", **changes):
    asked = CreateCompute("AmlCompute", "STANDARD_D2_V2", max_nodes=2, idle_s=60)._replace(**changes)
    return world.do(lambda tx: create_compute(tx, world.workspace_id, name, asked, MACHINE, world.now))


def _describe(world, name="cpu-cluster"):
    return world.look(lambda tx: describe_compute(tx, find_compute(tx, world.workspace_id, name), MACHINE))


def _submit(world):
    job = Job(EnvironmentSpec("env"), "", script="train.py", target="cpu-cluster")
    return world.submit(job=job)


def _pool(world):
    return pool_of(world.workspace_id, "cpu-cluster")


def _pass(world, engine, seconds=1):
    Reconciler(world.records, engine, MACHINE).pass_over(world.later(seconds))


def test_nodes_come_as_runs_need_them_up_to_the_maximum(world):
    engine = Engine()
    _create(world)
    _pass(world, engine)
    assert engine.alive == {"local"}

    for _ in range(3):
        _submit(world)
    _pass(world, engine)

    assert len(engine.alive - {"local"}) == 2
    assert _describe(world).nodes.preparing == 2


def test_idle_nodes_leave_after_the_idle_time_and_never_below_the_minimum(world):
    engine = Engine()
    _create(world, min_nodes=1)
    _submit(world)
    _submit(world)
    _pass(world, engine)
    names = sorted(engine.alive - {"local"})
    for name in names:
        world.hello(name, _pool(world))
        held = world.take(name)
        world.do(lambda tx, run=held.run_id: tx.leases.end(world.workspace_id, run))
        run = world.run(held.run_id)
        world.do(lambda tx, run=run: tx.runs.save(run._replace(status="Completed")))
    assert [world.take(name) for name in names] == [None, None]

    _pass(world, engine, 30)
    assert [node.leaving for node in world.look(lambda tx: tx.nodes.list(_pool(world)))] == [False, False]
    _pass(world, engine, 61)
    assert sorted(node.leaving for node in world.look(lambda tx: tx.nodes.list(_pool(world)))) == [False, True]


def test_a_dead_node_that_holds_a_run_is_started_again_under_its_name(world):
    engine = Engine()
    _create(world)
    _submit(world)
    _pass(world, engine)
    (name,) = engine.alive - {"local"}
    world.hello(name, _pool(world))
    world.take(name)
    engine.alive.discard(name)

    _pass(world, engine)

    assert name in engine.alive


def test_the_share_of_a_node_is_told(world):
    assert _create(world).share == "2 cores, 7.5 GB"
    assert _create(world, vm_size="standard_d5_v2").share.startswith("4 cores, 17.2 GB (STANDARD_D5_V2 asks for 16;")


def test_a_share_smaller_than_the_size_is_told_on_the_run(world):
    engine = Engine()
    _create(world, vm_size="STANDARD_D5_V2")
    run = _submit(world)
    _pass(world, engine)
    (name,) = engine.alive - {"local"}
    world.hello(name, _pool(world))
    world.take(name)

    assert world.run(run.id).warnings[-1].message.startswith("STANDARD_D5_V2 has 16 cores; a node of cpu-cluster has 2")


@pytest.mark.parametrize(
    ("name", "changes", "text"),
    [
        ("local", {}, "v1 keeps that name"),  # v1-behaviours 11.1
        ("x", {}, "cannot be the name of a compute target"),
        ("cpu", {"vm_size": "STANDARD_D22_V2"}, "is not a VM size we know"),
        ("cpu", {"vm_size": "STANDARD_NC6"}, "has 1 GPU"),
        ("cpu", {"max_nodes": 0, "min_nodes": 2, "idle_s": -1}, "3 fields are wrong"),  # v1-behaviours 11.3
    ],
)
def test_what_cannot_be_provisioned_is_refused(world, name, changes, text):
    with pytest.raises(InvalidInput, match=text):
        _create(world, name, **changes)


def test_update_changes_only_what_is_given(world):  # v1-behaviours 11.6
    _create(world)

    asked = UpdateCompute(max_nodes=4)
    state = world.do(lambda tx: update_compute(tx, world.workspace_id, "cpu-cluster", asked, MACHINE, world.now))

    assert (state.target.min_nodes, state.target.max_nodes, state.target.idle_s) == (0, 4, 60)


def test_a_target_in_use_is_not_deleted(world):
    _create(world)
    _submit(world)

    with pytest.raises(Conflict, match="in use by 1 runs"):
        world.do(lambda tx: delete_compute(tx, world.workspace_id, "cpu-cluster"))


def test_a_deleted_targets_nodes_are_ended(world):
    engine = Engine()
    _create(world, min_nodes=1)
    _pass(world, engine)
    world.do(lambda tx: delete_compute(tx, world.workspace_id, "cpu-cluster"))
    _pass(world, engine)
    _pass(world, engine)

    assert engine.alive == {"local"}
    with pytest.raises(NotFound):
        _describe(world)
