"""Runs whose process is there already: started, named, ended, put away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amlet.base.errors import Conflict, InvalidInput, NotFound
from amlet.domain.artifact import BlobLocation, Entry
from amlet.domain.run import RunError
from amlet.operations import collect, edit, ensure, interactive, trash
from amlet.runtime.journal import read_points
from amlet.wire.runs import EndRun, JournalPiece, StartRun, UpdateRun
from amlet.wire.workspaces import UpdateExperiment

BLOB = "b" * 64


def _start(world, run_id="r1", **more):
    asked = StartRun("exp", run_id, **more)
    (run,) = world.do(lambda tx: interactive.start_runs(tx, world.workspace_id, [asked], world.now))
    return run


def _end(world, run_id="r1", outcome="Completed", **more):
    asked = EndRun(outcome, **more)
    return world.do(lambda tx: interactive.end_run(tx, world.workspace_id, run_id, asked, world.later(5)))


def test_an_interactive_run_is_running_at_once(world):
    run = _start(world, name="first", tags={"a": None})

    assert (run.status, run.name, run.attempt, run.number) == ("Running", "first", 0, 1)
    assert run.started == world.now


def test_a_run_without_a_name_is_called_by_its_id(world):  # v1-behaviours 2.8
    assert _start(world).name == "run_r1"


def test_starting_the_same_run_twice_gives_the_same_run(world):
    assert _start(world) == _start(world)


def test_another_experiments_run_of_that_id_is_a_conflict(world):
    _start(world)

    with pytest.raises(Conflict, match="There is another run r1"):
        world.do(lambda tx: interactive.start_runs(tx, world.workspace_id, [StartRun("other", "r1")], world.now))


def test_a_batch_is_started_whole_or_not_at_all(world):  # v1-behaviours 7.4
    good, bad = StartRun("exp", "good"), StartRun("exp", "../bad", display_name="x" * 300)

    with pytest.raises(InvalidInput) as caught:
        world.do(lambda tx: interactive.start_runs(tx, world.workspace_id, [good, bad], world.now))

    assert {field.path for field in caught.value.fields} == {"runs[1].run_id", "runs[1].display_name"}
    assert world.look(lambda tx: tx.runs.find(world.workspace_id, "good")) is None


def test_at_most_a_hundred_are_started_at_once(world):
    many = [StartRun("exp", f"r{number}") for number in range(101)]

    with pytest.raises(InvalidInput, match="100 is the most"):
        world.do(lambda tx: interactive.start_runs(tx, world.workspace_id, many, world.now))


def test_a_child_needs_its_parent(world):
    with pytest.raises(NotFound):
        _start(world, "child", parent_id="none")
    _start(world)

    assert _start(world, "child", parent_id="r1").parent_id == "r1"


def test_an_offline_run_keeps_its_own_times(world):
    began = world.now - timedelta(hours=2)
    run = _start(world, "OfflineRun_1", started=began)
    ended = _end(world, "OfflineRun_1", ended=began + timedelta(hours=1))

    assert (run.created, ended.ended - ended.started) == (began, timedelta(hours=1))


def test_ending_twice_the_same_way_changes_nothing(world):
    _start(world)

    assert _end(world) == _end(world)


def test_a_run_ends_once(world):
    _start(world)
    _end(world)

    with pytest.raises(Conflict, match="it is Completed"):
        _end(world, outcome="Failed")


def test_a_submitted_run_ends_with_its_script(world):
    run = world.submit()
    world.hello()
    world.take()

    with pytest.raises(Conflict, match="it ends with its script"):
        _end(world, run.id)


def test_a_failure_is_kept_with_its_words(world):  # v1-behaviours 7.2
    _start(world)

    ended = _end(world, outcome="Failed", error=RunError("UserError", "no data"))

    assert (ended.status, ended.error.message) == ("Failed", "no data")


def test_tags_are_merged_and_removed_and_none_stays_none(world):  # v1-behaviours 7.7
    _start(world, tags={"a": "1", "b": "2"})

    asked = UpdateRun(set_tags={"b": "3", "c": None}, remove_tags=["a", "never"])
    run = world.do(lambda tx: edit.update_run(tx, world.workspace_id, "r1", asked))

    assert run.tags == {"b": "3", "c": None}


def test_properties_are_immutable(world):  # v1-behaviours 7.8
    _start(world, properties={"a": "1"})
    same, other = UpdateRun(add_properties={"a": "1", "b": "2"}), UpdateRun(add_properties={"a": "2"})

    assert world.do(lambda tx: edit.update_run(tx, world.workspace_id, "r1", same)).properties == {"a": "1", "b": "2"}
    with pytest.raises(Conflict, match="Properties are immutable"):
        world.do(lambda tx: edit.update_run(tx, world.workspace_id, "r1", other))


def test_what_a_script_says_of_its_failure_is_kept_until_it_ends(world):  # v1-behaviours 6.2
    _start(world)
    told = UpdateRun(error=RunError("UserError", "out of data"))
    world.do(lambda tx: edit.update_run(tx, world.workspace_id, "r1", told))

    assert _end(world, outcome="Failed").error.message == "out of data"


def test_a_file_of_a_run_is_not_overwritten_unless_told_to(world):  # v1-behaviours 3.10
    run = _start(world)
    world.do(lambda tx: tx.blobs.add([BlobLocation(BLOB, 1), BlobLocation("c" * 64, 1)]))
    first, other = Entry("a.txt", BLOB, 1), Entry("a.txt", "c" * 64, 1)
    world.do(lambda tx: collect.put_files(tx, run, [first], replace=False))

    assert world.do(lambda tx: collect.put_files(tx, run, [first], replace=False)) == []
    with pytest.raises(Conflict, match=r"Resource Conflict.*a\.txt"):
        world.do(lambda tx: collect.put_files(tx, run, [other], replace=False))
    assert world.do(lambda tx: collect.put_files(tx, run, [other])) == []


def test_a_run_has_one_snapshot(world):  # v1-behaviours 7.9
    _start(world)
    world.do(lambda tx: tx.blobs.add([BlobLocation(BLOB, 1)]))

    def take(path):
        return world.do(lambda tx: interactive.put_snapshot(tx, world.workspace_id, "r1", [Entry(path, BLOB, 1)]))

    tree_id, missing = take("a.py")
    assert (world.run("r1").properties["ContentSnapshotId"], missing) == (tree_id, [])
    assert take("a.py") == (tree_id, [])
    with pytest.raises(Conflict, match="has a snapshot already"):
        take("b.py")


def test_only_runs_that_are_over_go_into_the_trash_and_come_back(world):
    _start(world)
    _start(world, "child", parent_id="r1")
    _end(world)

    with pytest.raises(Conflict, match="Run child is Running"):
        world.do(lambda tx: trash.trash(tx, world.workspace_id, "r1", world.now))
    _end(world, "child")
    world.do(lambda tx: trash.trash(tx, world.workspace_id, "r1", world.now))
    assert world.run("child").trashed == world.run("r1").trashed == world.now

    world.do(lambda tx: trash.restore(tx, world.workspace_id, "r1"))
    assert (world.run("child").trashed, world.run("r1").trashed) == (None, None)


def test_an_experiment_is_archived_and_comes_back(world):  # v1-behaviours 7.11
    _start(world)

    def update(**changes):
        asked = UpdateExperiment(**changes)
        return world.do(lambda tx: ensure.update_experiment(tx, world.workspace_id, "exp", asked, world.now))

    def names(view):
        found = world.look(lambda tx: ensure.list_experiments(tx, world.workspace_id, view))
        return [held.name for held in found.experiments]

    update(archived=True, set_tags={"team": "a"})
    assert (names("active"), names("archived"), names("all")) == ([], ["exp"], ["exp"])
    assert update(archived=False).tags == {"team": "a"}
    assert names("active") == ["exp"]


def test_an_experiment_with_runs_is_not_deleted(world):
    _start(world)

    with pytest.raises(Conflict, match="has runs in it, such as r1"):
        world.do(lambda tx: ensure.delete_experiment(tx, world.workspace_id, "exp"))
    with pytest.raises(NotFound, match='There is no experiment "exq"'):
        world.do(lambda tx: ensure.delete_experiment(tx, world.workspace_id, "exq"))


HEAD = '{"journal":1,"run":"r1","attempt":0,"pid":1,"boot_id":"b","started":1}\n'
POINT = '{"n":"x","k":"scalar","v":1.5,"t":1.0}\n'


def _points(world):
    return world.look(lambda tx: [point.value for point in tx.metrics.points(world.workspace_id, "r1").get("x", [])])


def test_what_was_logged_last_is_kept_with_the_end_once(world):
    run = _start(world)
    world.do(lambda tx: collect.drain(tx, run, "j", 0, (HEAD + POINT).encode()))
    last = JournalPiece("j", len(HEAD), POINT + POINT)  # the first of them was drained meanwhile

    for _ in range(2):
        assert _end(world, journals=[last]).status == "Completed"

    assert _points(world) == [1.5, 1.5]


def test_points_that_were_read_before_the_writers_turn_are_kept_once(world):
    run = _start(world)
    data = (HEAD + POINT).encode()

    for _ in range(2):  # the second time the records are further on than when the bytes were read
        world.do(lambda tx: collect.drain(tx, run, "j", 0, data, read_points(data)))

    assert _points(world) == [1.5]


def test_an_end_whose_journal_has_a_gap_is_a_conflict_and_ends_nothing(world):
    _start(world)

    with pytest.raises(Conflict, match="lacks bytes of its journal 'j'"):
        _end(world, journals=[JournalPiece("j", 0, HEAD + POINT), JournalPiece("j", 1000, POINT)])

    assert world.run("r1").status == "Running"
    assert _points(world) == []


def test_an_end_that_comes_too_late_keeps_nothing(world):
    _start(world)
    _end(world, outcome="Canceled")

    with pytest.raises(Conflict):
        _end(world, journals=[JournalPiece("j", 0, HEAD + POINT)])

    assert _points(world) == []
