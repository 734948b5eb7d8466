"""Runs that are tried again: after which ends, after what rest, and what becomes of the attempt before."""

from __future__ import annotations

import pytest

from amlet.base.errors import InvalidInput, StaleAttempt
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import RETRIES_LIMIT, Job, retry_pause_s, shell_code
from amlet.domain.metric import Point
from amlet.domain.run import RunError
from amlet.operations import lease, settle
from amlet.operations.cancel import cancel
from amlet.operations.reconcile import expire
from amlet.operations.retry import end_rests
from amlet.wire.nodes import AttemptStarted, SettleAttempt
from amlet.wire.runs import UpdateRun

USER = RunError("UserError", "it failed", "ValueError", exit_code=75)


def _job(**changes):
    return Job(EnvironmentSpec("env"), "", script="train.py", **changes)


def _running(world, **changes):
    run = world.submit(job=_job(**changes))
    world.hello()
    return _start(world, run.id)


def _start(world, run_id):
    held = world.take()
    assert held.run_id == run_id
    asked = AttemptStarted(held.attempt, "cold")
    world.do(lambda tx: lease.started(tx, world.workspace_id, run_id, asked, world.later(1)))
    return world.run(run_id)


def _settle(world, run, code=75, **changes):
    asked = SettleAttempt(run.attempt, "Failed", code, USER, [], [])._replace(**changes)
    world.do(lambda tx: settle.settle(tx, world.workspace_id, run.id, asked, world.later(1)))
    return world.run(run.id)


def _rested(world, seconds):
    world.later(seconds)
    world.do(lambda tx: end_rests(tx, world.now))


def test_a_named_exit_code_sends_the_run_back_into_the_queue_after_a_rest(world):
    run = _settle(world, _running(world, retries=1, retry_codes=[75]))

    assert (run.status, run.error, run.attempt) == ("Queued", None, 1)
    assert world.take() is None
    _rested(world, retry_pause_s(0))
    again = _start(world, run.id)
    assert (again.status, again.attempt, again.again_at) == ("Running", 2, None)
    assert [stage.name for stage in again.stages] == ["submit", "prepare", "scale", "run", "finish", "scale", "run"]


def test_each_attempt_is_on_record_and_the_last_one_fails_the_run(world):
    run = _running(world, retries=2, retry_codes=[75])
    for number in range(2):
        _settle(world, run)
        _rested(world, retry_pause_s(number))
        run = _start(world, run.id)

    ended = _settle(world, run)

    assert (ended.status, ended.attempt, ended.error) == ("Failed", 3, USER)
    assert [(past.number, past.node, past.error) for past in ended.past] == [(1, "local", USER), (2, "local", USER)]
    assert all(past.started is not None and past.started < past.ended for past in ended.past)


@pytest.mark.parametrize(
    ("code", "more"), [(1, {}), (None, {}), (0, {}), (-9, {})], ids=["another code", "none", "zero", "another signal"]
)
def test_another_exit_code_fails_the_run(world, code, more):
    error = USER._replace(exit_code=code)

    ended = _settle(world, _running(world, retries=3, retry_codes=[75]), code, error=error, **more)

    assert ended.status == "Failed"


def test_an_end_by_a_signal_is_named_as_a_shell_names_it(world):
    run = _running(world, retries=1, retry_codes=[137])

    assert _settle(world, run, None, error=RunError("SystemError", "killed", exit_code=137)).status == "Queued"
    assert [shell_code(code) for code in (-9, 3, 256 + 3)] == [137, 3, 3]


def test_a_lost_node_is_retried_without_a_named_code_and_its_late_results_are_refused(world):
    run = _running(world, retries=1)

    world.do(lambda tx: expire(tx, world.later(lease.LEASE_S + 1)))

    assert world.run(run.id).status == "Queued"
    assert "was lost while the script ran" in world.run(run.id).past[0].error.message
    done = SettleAttempt(1, "Completed", 0, None, [], [])
    for work in (
        lambda tx: settle.settle(tx, world.workspace_id, run.id, done, world.now),
        lambda tx: lease.renew(tx, world.workspace_id, run.id, 1, "local", world.now),
        lambda tx: settle.finalizing(tx, world.workspace_id, run.id, 1, world.now),
        lambda tx: lease.current(tx, world.workspace_id, run.id, 1),
    ):
        with pytest.raises(StaleAttempt):
            world.do(work)
    _rested(world, 1)
    assert _start(world, run.id).attempt == 2


def test_a_failure_of_the_node_is_retried_and_one_of_the_script_is_not(world):
    error = RunError("SystemError", "the disk is full")
    first = _settle(world, _running(world, retries=1), None, error=error, is_nodes_fault=True)
    second = _settle(world, _running(world, retries=1), None, error=error)

    assert (first.status, second.status) == ("Queued", "Failed")


def test_a_run_without_retries_fails_with_its_lost_node(world):
    run = _running(world)

    world.do(lambda tx: expire(tx, world.later(lease.LEASE_S + 1)))

    assert world.run(run.id).status == "Failed"


def test_a_node_lost_before_the_script_began_costs_no_retry(world):
    run = world.submit(job=_job(retries=1))
    world.hello()
    for _ in range(3):
        world.take()
        world.do(lambda tx: expire(tx, world.later(lease.LEASE_S + 1)))

    assert world.run(run.id).past == []
    assert _start(world, run.id).attempt == 4


def test_the_attempts_logs_files_and_metrics_stay_readable_under_its_number(world):
    run = _running(world, retries=1, retry_codes=[75])
    key = (world.workspace_id, run.id)
    world.do(lambda tx: tx.blobs.add([BlobLocation("c" * 64, 4)]))
    for path in ("user_logs/std_log.txt", "logs/a/b.txt", "azureml-logs/20_image_build_log.txt"):
        world.do(lambda tx, path=path: tx.files.open_log(*key, path))
    world.do(lambda tx: tx.metrics.add(*key, "j", 9, [Point("loss", "scalar", 0.5, None, 1.0)]))

    _settle(world, run, outputs=[Entry("outputs/model.joblib", "c" * 64, 4)])

    assert [file.path for file in world.look(lambda tx: tx.files.list(*key))] == [
        "attempt_1/outputs/model.joblib",
        "azureml-logs/20_image_build_log.txt",
        "logs/attempt_1/a/b.txt",
        "user_logs/attempt_1/std_log.txt",
    ]
    assert list(world.look(lambda tx: tx.metrics.points(*key))) == ["attempt_1/loss"]


def test_files_that_look_like_an_earlier_attempts_are_left_alone(world):
    run = _running(world, retries=2, retry_codes=[75])
    key = (world.workspace_id, run.id)
    for path in ("user_logs/std_log.txt", "user_logs/attempt_1/std_log.txt"):
        world.do(lambda tx, path=path: tx.files.open_log(*key, path))

    assert _settle(world, run).status == "Queued"

    paths = [file.path for file in world.look(lambda tx: tx.files.list(*key))]
    assert paths == ["user_logs/attempt_1/std_log.txt", "user_logs/std_log.txt"]


def test_what_the_script_said_of_itself_belongs_to_its_attempt(world):
    from amlet.operations.edit import update_run

    run = _running(world, retries=1, retry_codes=[75])
    said = RunError("UserError", "no data today")
    world.do(lambda tx: update_run(tx, world.workspace_id, run.id, UpdateRun(error=said)))

    again = _settle(world, world.run(run.id), error=RunError("UserError", "exit code 75", exit_code=75))

    assert again.error is None
    assert again.past[0].error == said._replace(exit_code=75)


def test_a_resting_run_is_cancelled_at_once(world):
    run = _settle(world, _running(world, retries=1, retry_codes=[75]))

    assert world.do(lambda tx: cancel(tx, world.workspace_id, run.id, world.now)).status == "Canceled"
    _rested(world, 999)
    assert world.take() is None


def test_a_run_that_is_to_be_cancelled_is_not_tried_again(world):
    run = _running(world, retries=3, retry_codes=[75])
    world.do(lambda tx: cancel(tx, world.workspace_id, run.id, world.now))

    assert _settle(world, run).status == "Canceled"


def test_settling_an_attempt_that_is_followed_by_another_changes_nothing(world):
    run = _running(world, retries=1, retry_codes=[75])
    before = _settle(world, run)

    with pytest.raises(StaleAttempt):
        _settle(world, run)

    assert world.run(run.id) == before


def test_rests_grow_and_no_clock_that_is_set_back_prolongs_one(world):
    assert [retry_pause_s(number) for number in range(7)] == [1, 4, 16, 64, 300, 300, 300]
    run = _settle(world, _running(world, retries=1, retry_codes=[75]))

    _rested(world, -86_400)

    assert world.take().run_id == run.id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"retries": -1}, "job.retries"),
        ({"retries": RETRIES_LIMIT + 1}, "job.retries"),
        ({"retries": 1, "retry_codes": [0]}, r"job.retry_codes\[0\]"),
        ({"retries": 1, "retry_codes": [3, 256]}, r"job.retry_codes\[1\]"),
    ],
)
def test_retries_out_of_range_are_refused(world, changes, field):
    with pytest.raises(InvalidInput, match=field):
        world.submit(job=_job(**changes))
