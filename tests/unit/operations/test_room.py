"""Who has a turn: by priority, by turns, and never more at once than the machine has."""

from __future__ import annotations

from amlet.domain.compute import pool_of
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job, Share
from amlet.operations import lease, settle
from amlet.operations.provision import create_compute
from amlet.operations.transitions import queue_topic
from amlet.operations.waiting import with_waits
from amlet.wire.computes import CreateCompute
from amlet.wire.nodes import SettleAttempt

GIB = 1 << 30
HALF = Share(1, GIB // 2)
DONE = SettleAttempt(1, "Completed", 0, None, [], [])


def _target(world, name, max_nodes=2):
    asked = CreateCompute("AmlCompute", "STANDARD_D2_V2", max_nodes=max_nodes, idle_s=60)
    world.do(lambda tx: create_compute(tx, world.workspace_id, name, asked, world.machine, world.now, seal=str))
    return pool_of(world.workspace_id, name)


def _submit(world, target="local", experiment="exp", **changes):
    return world.submit(
        job=Job(EnvironmentSpec("env"), "", script="train.py", target=target, **changes), experiment=experiment
    )


def _nodes(world, pool, *names, share=HALF):
    for name in names:
        world.hello(name, pool, share)


def _took(world, node):
    held = world.take(node)
    return held.run_id if held else None


def _settle(world, run_id):
    world.do(lambda tx: settle.settle(tx, world.workspace_id, run_id, DONE, world.later(1)))


def _waits(world, run):
    found = with_waits_of(world, run)
    return found.runs[0].waiting_for


def with_waits_of(world, *runs):
    return world.look(
        lambda tx: with_waits(tx, [tx.runs.get(run.workspace_id, run.id) for run in runs], world.machine, world.now)
    )


def test_a_run_of_a_higher_priority_is_taken_before_those_that_came_first(world):
    first, second, last = _submit(world), _submit(world, priority=-1), _submit(world, priority=5)
    world.hello()

    took = []
    for _ in range(3):
        took.append(_took(world, "local"))
        _settle(world, took[-1])

    assert took == [last.id, first.id, second.id]


def test_experiments_have_their_turns(world):
    pool = _target(world, "cpu", 2)
    many = [_submit(world, "cpu", "many") for _ in range(3)]
    few = _submit(world, "cpu", "few")
    _nodes(world, pool, "n1", "n2")

    assert [_took(world, "n1"), _took(world, "n2")] == [many[0].id, few.id]


def test_nodes_of_two_targets_never_have_more_than_the_machine(world):
    one, other = _target(world, "one"), _target(world, "other")
    runs = [_submit(world, name) for name in ("one", "one", "other")]
    _nodes(world, one, "a1", "a2")
    _nodes(world, other, "b1")

    assert [_took(world, node) for node in ("a1", "a2", "b1")] == [runs[0].id, runs[1].id, None]
    assert _waits(world, runs[2]) == (
        "waits for a node of other: this machine has no room beside what runs on it, 2 of its 2 cores are taken, "
        "next in the queue"
    )
    _settle(world, runs[0].id)
    assert _took(world, "b1") == runs[2].id


def test_memory_counts_as_cores_do(world):
    one, other = _target(world, "one"), _target(world, "other")
    _submit(world, "one"), _submit(world, "other")
    _nodes(world, one, "a1", share=Share(1, GIB - 1))
    _nodes(world, other, "b1", share=Share(1, 2))

    assert _took(world, "a1") is not None
    assert _took(world, "b1") is None


def test_a_run_that_needs_the_whole_machine_is_not_passed_over_for_ever(world):
    pool = _target(world, "cpu")
    small = [_submit(world, "cpu") for _ in range(2)]
    whole = _submit(world)
    later = [_submit(world, "cpu") for _ in range(2)]
    _nodes(world, pool, "n1", "n2")
    world.hello()

    assert [_took(world, "n1"), _took(world, "n2"), _took(world, "local")] == [small[0].id, small[1].id, None]
    _settle(world, small[0].id)
    assert (_took(world, "n1"), _took(world, "local")) == (None, None)
    _settle(world, small[1].id)
    assert (_took(world, "n1"), _took(world, "local")) == (None, whole.id)
    _settle(world, whole.id)
    assert _took(world, "n1") == later[0].id


def test_a_node_that_has_gone_silent_keeps_no_room_free(world):
    pool = _target(world, "cpu")
    _submit(world)
    world.hello()
    world.later(60)
    run = _submit(world, "cpu")
    _nodes(world, pool, "n1")

    assert _took(world, "n1") == run.id


def test_a_share_larger_than_the_machine_runs_alone(world):
    run = _submit(world)
    world.hello(share=Share(64, 999 * GIB))

    assert _took(world, "local") == run.id


def test_the_nodes_of_other_targets_look_again_when_a_run_ends(world):
    one, other = _target(world, "one"), _target(world, "other")
    run = _submit(world, "one")
    _nodes(world, one, "a1")
    _nodes(world, other, "b1")
    _took(world, "a1")
    touched = []
    world.records.on_commit(lambda topics: touched.extend(topics))

    _settle(world, run.id)

    assert {queue_topic(one), queue_topic(other)} <= set(touched)


def test_a_lease_that_lapsed_and_is_renewed_takes_its_run_out_of_the_queue(world):
    run = _submit(world)
    world.hello()
    world.take()
    from amlet.operations.reconcile import expire

    world.do(lambda tx: expire(tx, world.later(lease.LEASE_S + 1)))
    world.do(lambda tx: lease.renew(tx, world.workspace_id, run.id, 1, "local", world.now))
    world.hello("other", "local", HALF)

    assert world.take("other") is None


def test_a_waiting_run_says_what_it_waits_for_and_how_many_are_ahead(world):
    pool = _target(world, "cpu")
    runs = [_submit(world, "cpu") for _ in range(4)]
    assert _waits(world, runs[0]) == "waits for a node of cpu: a node is being started, next in the queue"
    _nodes(world, pool, "n1", "n2")
    assert _waits(world, runs[1]) == "waits for a node of cpu: a node is about to take it, 1 run ahead"
    _took(world, "n1"), _took(world, "n2")

    found = with_waits_of(world, *runs)

    assert found.runs[3].waiting_for == "waits for a node of cpu: 2 of 2 nodes are busy, 1 run ahead"
    assert found.ahead == {runs[2].id: 0, runs[3].id: 1}
    assert found.runs[0].waiting_for is None
    assert world.run(runs[3].id).waiting_for == "waits for a node of cpu"
