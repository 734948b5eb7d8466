"""Runs over several nodes: leased together, renewed apart, ended together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amlet.base.errors import InvalidInput, StaleAttempt
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.compute import pool_of
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.gang import RankEnd
from amlet.domain.job import Job, Share
from amlet.domain.run import RunError
from amlet.operations import gang, lease, settle
from amlet.operations.provision import create_compute
from amlet.operations.reconcile import expire
from amlet.wire.computes import CreateCompute
from amlet.wire.nodes import AttemptStarted, EndRank, JoinGang, SettleAttempt

GIB = 1 << 30
HALF = Share(1, GIB // 2)
OURS = Entry("outputs/of_1.txt", "b" * 64, 1)
SAME = [Entry("outputs/same.txt", digit * 64, 1) for digit in "bc"]
DONE = SettleAttempt(1, "Completed", 0, None, [], [])


@pytest.fixture
def pool(world):
    asked = CreateCompute("AmlCompute", "STANDARD_D2_V2", max_nodes=2, idle_s=60)
    world.do(lambda tx: create_compute(tx, world.workspace_id, "pair", asked, world.machine, world.now, seal=str))
    found = pool_of(world.workspace_id, "pair")
    world.hello("a", found, HALF)
    world.hello("b", found, HALF)
    return found


def _submit(world, nodes=2, communicator="IntelMpi", **changes):
    spec = EnvironmentSpec("env")
    job = Job(spec, "", script="train.py", target="pair", node_count=nodes, communicator=communicator, **changes)
    return world.submit(job=job)


def _both(world):
    run = _submit(world)
    return run, world.take("a"), world.take("b")


def _join(world, run, rank, node):
    asked = JoinGang(1, node, rank, f"10.0.0.{rank}", 4000 + rank)
    world.do(lambda tx: gang.join(tx, tx.runs.get(run.workspace_id, run.id), asked))


def _joined(world, run):
    return world.look(lambda tx: gang.joined(tx, tx.runs.get(run.workspace_id, run.id)))


def _renew(world, run, node, rank):
    return world.do(lambda tx: lease.renew(tx, run.workspace_id, run.id, 1, node, world.now, node_rank=rank))


def _end(world, run, rank, *, outcome="Completed", code=0, error=None, outputs=()):
    asked = EndRank(1, rank, RankEnd(outcome, code, error, [*outputs]))
    return world.do(lambda tx: gang.end_rank(tx, tx.runs.get(run.workspace_id, run.id), asked))


def _settle(world, run, asked=DONE):
    world.do(lambda tx: settle.settle(tx, run.workspace_id, run.id, asked, world.now))
    return world.run(run.id)


def _started(world, run):
    world.do(lambda tx: lease.started(tx, run.workspace_id, run.id, AttemptStarted(1, "cold"), world.now))


def _leases(world):
    return sorted((held.node, held.node_rank) for held in world.look(lambda tx: tx.leases.all()))


def test_all_nodes_get_the_same_attempt_in_one_step(world, pool):
    run, first, second = _both(world)

    assert (first.run_id, first.attempt, first.node_rank) == (run.id, 1, 0)
    assert (second.run_id, second.attempt, second.node_rank) == (run.id, 1, 1)
    assert _leases(world) == [("a", 0), ("b", 1)]


def test_nothing_is_leased_while_a_node_is_missing_and_nobody_overtakes(world, pool):
    alone = _submit(world, nodes=1, communicator="")
    assert world.take("a").run_id == alone.id
    _submit(world)
    _submit(world, nodes=1, communicator="")

    assert world.take("b") is None
    assert _leases(world) == [("a", 0)]


def test_a_silent_node_is_not_counted_on(world, pool):
    _submit(world)
    world.later(60)

    assert world.take("b") is None


def test_a_seat_waits_for_its_node_also_over_a_hello(world, pool):
    run = _submit(world)
    world.take("a")
    world.hello("b", pool, HALF)

    assert world.take("b").node_rank == 1
    assert _leases(world) == [("a", 0), ("b", 1)]
    assert world.run(run.id).status == "Queued"


def test_a_seat_that_no_node_takes_sends_the_whole_back_to_the_queue(world, pool):
    run = _submit(world)
    world.take("a")
    world.later(lease.LEASE_S / 2)
    _renew(world, run, "a", 0)
    world.later(lease.LEASE_S / 2 + 1)

    world.do(lambda tx: expire(tx, world.now))

    assert _leases(world) == []
    with pytest.raises(StaleAttempt):
        _renew(world, run, "a", 0)
    assert "node b was lost" in world.run(run.id).waiting_for


def test_the_nodes_start_when_the_last_is_ready_with_the_first_ones_port(world, pool):
    run, _, _ = _both(world)
    _join(world, run, 1, "b")
    assert _joined(world, run) is None
    _join(world, run, 0, "a")

    told = _joined(world, run)
    assert (told.addresses, told.port, told.stop) == (["10.0.0.0", "10.0.0.1"], 4000, False)


def test_a_node_that_fails_before_the_start_keeps_the_others_from_it(world, pool):
    run, _, _ = _both(world)
    _join(world, run, 0, "a")
    _end(world, run, 1, outcome="Failed", error=RunError("SystemError", "no environment"))

    assert _joined(world, run).stop


def test_the_failure_that_came_first_is_the_runs(world, pool):
    run, _, _ = _both(world)
    _started(world, run)
    _end(world, run, 1, outcome="Failed", code=3, error=RunError("UserError", "Rank 1: bad", exit_code=3))
    state = _renew(world, run, "a", 0)
    assert (state.stop, state.others) == (True, 0)
    _end(world, run, 0, outcome="Failed", code=143, error=RunError("SystemError", "Rank 0: killed"))

    ended = _settle(world, run, DONE._replace(outcome="Canceled", exit_code=143))

    assert (ended.status, ended.error.message, ended.error.exit_code) == ("Failed", "Rank 1: bad", 3)


def test_a_rank_that_ended_lets_its_node_go(world, pool):
    run, _, _ = _both(world)
    _started(world, run)
    _end(world, run, 1)
    later = _submit(world, nodes=1, communicator="")

    assert world.take("b").run_id == later.id
    assert _renew(world, run, "a", 0).others == 0


def test_outputs_of_all_ranks_are_kept_and_the_lowest_rank_wins(world, pool):
    blobs = [BlobLocation(entry.sha256, 1) for entry in SAME]
    run, _, _ = _both(world)
    _started(world, run)
    assert _end(world, run, 1, outputs=[OURS, SAME[1]]).missing == [OURS.sha256, SAME[1].sha256]
    world.do(lambda tx: tx.blobs.add(blobs))
    assert _end(world, run, 1, outputs=[OURS, SAME[1]]).missing == []

    ended = _settle(world, run, DONE._replace(outputs=[SAME[0]]))

    files = world.look(lambda tx: tx.files.list(run.workspace_id, run.id))
    assert {file.path: file.sha256[0] for file in files} == {"outputs/of_1.txt": "b", "outputs/same.txt": "b"}
    assert "outputs/same.txt of node 1" in ended.warnings[-1].message


@pytest.mark.parametrize(("retries", "status"), [(0, "Failed"), (1, "Queued")])
def test_a_lost_node_of_any_rank_fails_or_retries_the_whole(world, pool, retries, status):
    run = _submit(world, retries=retries)
    world.take("a")
    world.take("b")
    _started(world, run)
    world.later(lease.LEASE_S / 2)
    _renew(world, run, "a", 0)
    world.later(lease.LEASE_S / 2 + 1)

    world.do(lambda tx: expire(tx, world.now))

    ended = world.run(run.id)
    assert ended.status == status
    assert _leases(world) == []
    told = ended.error or ended.past[0].error
    assert "Node b was lost" in told.message
    with pytest.raises(StaleAttempt):
        _renew(world, run, "a", 0)


def test_a_lost_node_that_only_helped_is_a_warning(world, pool):
    run = _submit(world, communicator="Joblib")
    world.take("a")
    world.take("b")
    _started(world, run)
    world.later(lease.LEASE_S / 2)
    _renew(world, run, "a", 0)
    world.later(lease.LEASE_S / 2 + 1)
    world.do(lambda tx: expire(tx, world.now))
    state = _renew(world, run, "a", 0)
    assert (state.stop, state.others) == (False, 0)

    ended = _settle(world, run)

    assert ended.status == "Completed"
    assert "Node 1 (b) stopped helping: Node b was lost" in ended.warnings[-1].message


def test_the_end_of_the_script_ends_those_who_help(world, pool):
    run = _submit(world, communicator="Joblib")
    world.take("a")
    world.take("b")
    _started(world, run)
    _end(world, run, 0)

    state = _renew(world, run, "b", 1)
    assert (state.stop, state.others) == (True, 1)


def test_the_reconciler_wants_a_node_for_each_of_a_gangs(world, pool):
    _submit(world)

    assert world.look(lambda tx: tx.queue.waiting(pool, 9)) == 2
    assert world.look(lambda tx: tx.queue.first(pool)).nodes == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nodes": 3}, "needs 3 nodes at once, and pair has at most 2"),
        ({"nodes": 0}, "job.node_count"),
        ({"processes_per_node": 0}, "job.processes_per_node"),
        ({"communicator": "Carrier pigeon"}, "job.communicator"),
        ({"communicator": "Joblib", "processes_per_node": 2}, "job.communicator"),
    ],
)
def test_what_cannot_be_is_refused_at_submit(world, pool, changes, said):
    with pytest.raises(InvalidInput) as caught:
        _submit(world, **changes)
    told = caught.value.message + " ".join(f"{field.path} {field.message}" for field in caught.value.fields)
    assert said in told


def test_a_lease_that_is_renewed_in_time_goes_on(world, pool):
    run, _, _ = _both(world)
    world.later(lease.LEASE_S - 1)
    _renew(world, run, "b", 1)

    held = world.look(lambda tx: tx.leases.find(run.workspace_id, run.id, 1))
    assert held.expires == world.now + timedelta(seconds=lease.LEASE_S)
