"""Attempts: leased, renewed, lost, settled; late results of an older one are refused."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amlet.base.errors import Conflict, NotFound, StaleAttempt
from amlet.domain import run as runs
from amlet.domain.artifact import BlobLocation, Entry
from amlet.operations import lease, settle
from amlet.operations.cancel import cancel
from amlet.operations.reconcile import expire
from amlet.operations.transitions import move
from amlet.wire.nodes import AttemptStarted, SettleAttempt

DONE = SettleAttempt(1, "Completed", 0, None, [], [])


def test_the_oldest_run_of_the_pool_is_leased_first(world):
    first, second = world.submit(), world.submit()
    world.hello()

    assert [world.take().run_id, world.take().run_id] == [first.id, second.id]
    assert world.take() is None


def test_a_lease_names_the_job_and_never_holds_the_owners_token(world):
    run = world.submit()
    world.hello()

    held = world.take()

    assert held.job.arguments == ["--a", "1"]
    assert held.token == "token"
    assert held.variables["AZUREML_RUN_ID"] == run.id  # v1-behaviours 6.3
    assert held.variables["AZUREML_ARM_WORKSPACE_NAME"] == "demo"


def test_a_node_that_never_said_hello_is_told_to(world):
    with pytest.raises(NotFound):
        world.take("stranger")


def test_a_run_goes_through_its_stages_in_order(world):
    run = world.submit()
    world.hello()
    world.take()
    world.do(lambda tx: lease.started(tx, world.workspace_id, run.id, AttemptStarted(1, "cold"), world.later(1)))
    world.do(lambda tx: settle.finalizing(tx, world.workspace_id, run.id, 1, world.later(5)))
    world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, DONE, world.later(1)))

    ended = world.run(run.id)
    assert ended.status == "Completed"
    assert [stage.name for stage in ended.stages] == list(runs.STAGES)
    assert all(stage.ended is not None for stage in ended.stages)
    assert (ended.ended - ended.started).total_seconds() == 6


def test_what_a_node_does_before_the_script_starts_is_time_of_the_run_and_not_of_waiting(world):
    run = world.submit()
    world.hello()
    world.take()
    queued = world.now
    asked = AttemptStarted(1, "warm start, imports 2.0 s", took_s=2.0)
    world.do(lambda tx: lease.started(tx, world.workspace_id, run.id, asked, world.later(3)))

    scale, script = world.run(run.id).stages[-2:]
    assert (scale.ended - queued).total_seconds() == 1
    assert (script.name, script.started, script.detail) == ("run", scale.ended, asked.detail)
    assert world.run(run.id).started == world.now


@pytest.mark.parametrize("took_s", [-5.0, 3600.0])
def test_a_node_whose_clock_tells_nonsense_moves_no_stage_out_of_its_order(world, took_s):
    run = world.submit()
    world.hello()
    world.take()
    asked = AttemptStarted(1, "cold", took_s=took_s)
    world.do(lambda tx: lease.started(tx, world.workspace_id, run.id, asked, world.later(3)))

    scale, script = world.run(run.id).stages[-2:]
    assert scale.started <= scale.ended == script.started <= world.now


def test_settling_twice_changes_nothing(world):
    run = _running(world)
    world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, DONE, world.later(1)))
    before = world.run(run.id)

    world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, DONE, world.later(1)))

    assert world.run(run.id) == before


def test_missing_outputs_keep_the_run_open(world):
    run = _running(world)
    asked = DONE._replace(outputs=[Entry("outputs/m.joblib", "c" * 64, 4)])

    first = world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, asked, world.now))
    assert first.missing == ["c" * 64]
    assert world.run(run.id).status == "Running"

    world.do(lambda tx: tx.blobs.add([BlobLocation("c" * 64, 4)]))
    assert world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, asked, world.now)).missing == []
    files = world.look(lambda tx: tx.files.list(world.workspace_id, run.id))
    assert [file.path for file in files] == ["outputs/m.joblib"]


def test_a_lost_node_before_the_script_began_queues_the_run_again(world):
    run = world.submit()
    world.hello()
    world.take()

    world.do(lambda tx: expire(tx, world.later(lease.LEASE_S + 1)))

    assert world.run(run.id).status == "Queued"
    assert "lost before the script began" in world.run(run.id).waiting_for
    assert world.take().attempt == 2


def test_a_lost_node_while_the_script_ran_fails_the_run(world):
    run = _running(world)

    world.do(lambda tx: expire(tx, world.later(lease.LEASE_S + 1)))

    ended = world.run(run.id)
    assert ended.status == "Failed"
    assert ended.error.message == "Node local was lost while the script ran: it did not answer for 15 s."


def test_late_results_of_an_older_attempt_are_refused(world):
    run = world.submit()
    world.hello()
    world.take()
    world.do(lambda tx: expire(tx, world.later(lease.LEASE_S + 1)))
    world.take()

    with pytest.raises(StaleAttempt):
        world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, DONE, world.now))
    with pytest.raises(StaleAttempt):
        world.do(lambda tx: lease.renew(tx, world.workspace_id, run.id, 1, "local", world.now))


def test_a_renewed_lease_does_not_lapse(world):
    run = _running(world)
    for _ in range(5):
        world.later(10)
        world.do(lambda tx: lease.renew(tx, world.workspace_id, run.id, 1, "local", world.now))
        world.do(lambda tx: expire(tx, world.now))

    assert world.run(run.id).status == "Running"


def test_a_queued_run_is_cancelled_at_once(world):
    run = world.submit()

    assert world.do(lambda tx: cancel(tx, world.workspace_id, run.id, world.now)).status == "Canceled"
    world.hello()
    assert world.take() is None


def test_a_running_run_is_cancelled_by_its_node(world):
    run = _running(world)

    assert world.do(lambda tx: cancel(tx, world.workspace_id, run.id, world.now)).status == "CancelRequested"
    assert world.do(lambda tx: lease.renew(tx, world.workspace_id, run.id, 1, "local", world.now)).cancel
    ended = SettleAttempt(1, "Canceled", None, None, [], [])
    world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, ended, world.now))
    assert world.run(run.id).status == "Canceled"


def test_cancelling_a_run_that_is_over_changes_nothing(world):
    run = _running(world)
    world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, DONE, world.now))

    assert world.do(lambda tx: cancel(tx, world.workspace_id, run.id, world.now)).status == "Completed"


def test_a_cancelled_run_whose_node_is_lost_ends_canceled(world):
    run = _running(world)
    world.do(lambda tx: cancel(tx, world.workspace_id, run.id, world.now))

    world.do(lambda tx: expire(tx, world.later(lease.LEASE_S + 1)))

    assert world.run(run.id).status == "Canceled"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.lists(st.sampled_from(sorted(runs.TRANSITIONS)), max_size=8))
def test_only_legal_transitions_are_ever_recorded(world, path):
    run = world.submit()
    for status in path:
        before = world.run(run.id)
        try:
            world.do(lambda tx, before=before, status=status: move(tx, before, status, world.later(1)))
        except Conflict:
            assert status not in runs.TRANSITIONS[before.status]
            assert world.run(run.id) == before
        else:
            assert status in runs.TRANSITIONS[before.status]
            assert world.run(run.id).status == status


def _running(world):
    run = world.submit()
    world.hello()
    world.take()
    world.do(lambda tx: lease.started(tx, world.workspace_id, run.id, AttemptStarted(1, "cold"), world.later(1)))
    return run
