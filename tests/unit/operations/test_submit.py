"""Submitting: everything is checked, and recorded once or not at all."""

from __future__ import annotations

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.artifact import Entry
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.operations.describe import version_for
from amlet.operations.submit import submit

JOB = Job(EnvironmentSpec("env"), "", script="train.py")


def test_a_prepared_environment_sends_the_run_straight_to_the_queue(world):
    run = world.submit()

    assert run.status == "Queued"
    assert [(stage.name, stage.detail) for stage in run.stages] == [
        ("submit", None),
        ("prepare", "cache hit"),
        ("scale", None),
    ]
    assert run.waiting_for == "waits for a node of local"
    assert [warning.message for warning in run.warnings] == ["as asked"]


def test_an_environment_that_is_not_prepared_is_waited_for(world):
    world.resolved = False

    assert world.submit().status == "Preparing"


def test_the_id_has_the_form_that_scripts_parse(world):  # v1-behaviours 2.7
    run = world.submit()

    experiment, epoch, tail = run.id.rsplit("_", 2)
    assert (experiment, epoch, len(tail)) == ("exp", str(int(world.now.timestamp()) - 1), 8)


def test_the_same_submission_sent_twice_is_one_run(world):
    first = world.submit(submission_id="once")
    second = world.submit(submission_id="once")

    assert second.id == first.id
    assert len(world.look(lambda tx: tx.runs.page(world.workspace_id, _all())[0])) == 1


def test_missing_blobs_are_named_and_nothing_is_recorded(world):
    asked = world.submission(snapshot=[Entry("train.py", "b" * 64, 3)])

    answer = world.do(lambda tx: submit(tx, world.workspace_id, asked, world.ready, world.now))

    assert answer.run is None
    assert answer.missing == ["b" * 64]
    assert world.look(lambda tx: tx.experiments.list(world.workspace_id)) == []


def test_every_fault_is_told_at_once(world):
    asked = world.submission(
        experiment="no spaces allowed",
        run_id="../evil",
        job=JOB._replace(script="other.py", variables={"A=B": "1"}),
        snapshot=[Entry("../up.py", "a" * 64, 1), Entry("train.py", "short", -1)],
    )

    with pytest.raises(InvalidInput) as caught:
        world.do(lambda tx: submit(tx, world.workspace_id, asked, world.ready, world.now))

    assert {field.path for field in caught.value.fields} == {
        "experiment",
        "run_id",
        "job.script",
        "job.variables.A=B",
        "entries[0]",
        "entries[1]",
    }


def test_an_unknown_compute_target_is_told_with_the_known_ones(world):
    asked = world.submission(job=JOB._replace(target="loca"))

    with pytest.raises(NotFound, match='no compute target "loca" in workspace "demo"') as caught:
        world.do(lambda tx: submit(tx, world.workspace_id, asked, world.ready, world.now))
    assert caught.value.hint == 'did you mean "local"? it has: local.'


def test_a_run_id_is_given_once(world):
    world.submit(run_id="mine")

    with pytest.raises(Conflict):
        world.submit(run_id="mine")


def test_an_unregistered_environment_is_registered_under_an_automatic_version(world):  # v1-behaviours 10.10
    first, second = world.submit(), world.submit()

    specs = [
        world.look(lambda tx, run=run: tx.runs.job(world.workspace_id, run.id)).environment for run in (first, second)
    ]
    assert specs[0].version is not None
    assert specs[0].version.startswith("Autosave_2026-11-23T10:00:00Z_")
    assert specs[1].version == specs[0].version


def test_an_environment_edited_since_it_was_registered_does_not_pass_for_its_old_version(world):
    first = world.do(
        lambda tx: version_for(tx, world.workspace_id, EnvironmentSpec("e", "1", pip=["numpy"]), world.now)
    )
    same = world.do(lambda tx: version_for(tx, world.workspace_id, first, world.now))
    edited = world.do(lambda tx: version_for(tx, world.workspace_id, first._replace(pip=["scipy"]), world.now))
    again = world.do(lambda tx: version_for(tx, world.workspace_id, first._replace(pip=["scipy"]), world.now))

    assert first.version == same.version == "1"
    assert edited.version.startswith("Autosave_")
    assert again == edited
    assert world.look(lambda tx: tx.environments.get(world.workspace_id, "e", "1")) == first


def _all():
    from amlet.store.base import RunFilter

    return RunFilter()
