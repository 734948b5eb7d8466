"""Runs that this process is."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from amlet.domain.run import CANCELED, COMPLETED, FAILED
from amlet.sdk.draining import LAST_BYTES
from amlet.sdk.exceptions import RunEnvironmentException, SnapshotException, UserErrorException
from amlet.sdk.experiment import Experiment
from amlet.sdk.interactive import folder_of
from amlet.sdk.recording import background
from amlet.sdk.run import Run


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    place = tmp_path / "work é 'x'"
    place.mkdir()
    monkeypatch.chdir(place)
    yield
    for recorder in list(background._recorders):
        recorder.close()


def start(experiment: Experiment, **arguments: Any) -> Run:
    return experiment.start_logging(snapshot_directory=None, **arguments)


def test_a_started_run_is_running_with_a_uuid_and_v1s_name(experiment: Experiment) -> None:
    run = start(experiment)
    assert len(run.id) == 36 and run.id.count("-") == 4  # v1-behaviours 2.7
    assert (run.status, run.type, run.name) == ("Running", None, f"run_{run.id}")  # v1-behaviours 2.8
    assert Path("outputs").is_dir()  # v1-behaviours 7.1


def test_names_and_tags_reach_the_record(experiment: Experiment) -> None:
    run = start(experiment, name="n", run_id="mine_1", display_name="shown", description="why", tags={"a": 1})
    assert (run.id, run.name, run.display_name, run.description, run.tags) == (
        "mine_1", "n", "shown", "why", {"a": "1"},
    )  # fmt: skip  # v1-behaviours 7.2


def calls_of(run: Run, held: Any) -> list[str]:
    return [name for name, run_id in held.client.runs.calls if run_id == run.id and name in ("drain", "end")]


def test_what_was_logged_last_is_brought_by_the_call_that_ends_the_run(experiment: Experiment, held: Any) -> None:
    run = start(experiment)
    run.log("x", 1.5)
    run.complete()
    (journal,) = held.client.runs.drained.values()
    assert b'"v":1.5' in journal and run.status == COMPLETED
    assert calls_of(run, held) == ["end"]
    assert not folder_of("ws_1", run.id).exists()


def test_much_that_was_logged_is_brought_before_the_run_ends(experiment: Experiment, held: Any) -> None:
    run = start(experiment)
    for _ in range(3):
        run.log("x", "y" * (LAST_BYTES // 2))
    run.complete()
    (journal,) = held.client.runs.drained.values()
    assert journal.count(b'yyy",') == 3
    assert calls_of(run, held) == ["drain", "end"]


def test_a_server_that_lost_what_it_was_brought_gets_it_again(experiment: Experiment, held: Any) -> None:
    run = start(experiment)
    run.log("x", 1)
    run.flush()
    ((name, whole),) = held.client.runs.drained.items()
    held.client.runs.drained[name] = whole[: whole.index(b"\n") + 1]  # restored from a backup
    run.log("x", 2)
    run.complete()
    assert held.client.runs.drained[name].count(b'"n":"x"') == 2
    assert calls_of(run, held) == ["drain", "end", "drain", "drain", "end"]


def test_outputs_are_kept_at_the_end(experiment: Experiment, held: Any) -> None:
    run = start(experiment, outputs="made")
    Path("made", "deep").mkdir()
    Path("made", "deep", "m.bin").write_bytes(b"m")
    run.complete()
    assert run.get_file_names() == ["outputs/deep/m.bin"]
    other = start(experiment, outputs=False)
    Path("outputs").mkdir(exist_ok=True)
    Path("outputs", "x").write_text("x")
    other.complete()
    assert other.get_file_names() == []


def test_a_run_can_be_failed_with_a_text_or_an_exception(experiment: Experiment, held: Any) -> None:
    run = start(experiment)
    run.fail("no data", error_code="Mine")
    error = held.client.runs.started[run.id].error
    assert (run.status, error.code, error.message) == (FAILED, "Mine", "no data")  # v1-behaviours 7.2
    other = start(experiment)
    other.fail(ValueError("bad"))
    error = held.client.runs.started[other.id].error
    assert (error.code, error.type) == ("UserError", "ValueError") and "ValueError: bad" in error.stack_trace
    with pytest.raises(TypeError):
        start(experiment).fail(3)


def test_the_same_run_looked_up_again_logs_and_ends_as_one(experiment: Experiment, held: Any) -> None:
    run = start(experiment)
    again = Run(experiment, run.id)
    again.log("x", 1)
    run.log("x", 2)
    again.complete()
    assert len(held.client.runs.drained) == 1 and not background._recorders
    run.complete()
    assert run.get_status() == COMPLETED


def test_ending_it_another_way_afterwards_is_refused(experiment: Experiment) -> None:
    run = start(experiment)
    run.complete()
    with pytest.raises(UserErrorException, match="it is Completed already"):
        run.fail("late")


def test_cancel_ends_it_at_once(experiment: Experiment) -> None:
    run = start(experiment)
    run.cancel()
    assert run.status == CANCELED


def test_waiting_for_itself_is_refused(experiment: Experiment) -> None:
    with pytest.raises(RunEnvironmentException, match="this very process"):
        start(experiment).wait_for_completion()


def test_a_block_keeps_what_it_prints_and_goes_back_to_its_folder(experiment: Experiment, tmp_path: Path) -> None:
    import os

    before = os.getcwd()
    Path("logs").mkdir()
    Path("logs", "user_log.txt").write_text("of an earlier run\n")
    with start(experiment) as run:
        print("größe")
        print("warned", file=sys.stderr)
        os.chdir(tmp_path)
    assert os.getcwd() == before and run.status == COMPLETED  # v1-behaviours 7.3
    assert "logs/user_log.txt" in run.get_file_names()
    assert Path("logs", "user_log.txt").read_text().endswith("größe\nwarned\n")


def test_a_block_that_raises_fails_the_run_and_raises_on(experiment: Experiment, held: Any) -> None:
    with pytest.raises(ZeroDivisionError), start(experiment) as run:
        1 / 0  # noqa: B018
    assert run.status == FAILED
    assert "ZeroDivisionError" in held.client.runs.started[run.id].error.stack_trace


def test_leaving_a_block_with_exit_code_0_is_a_good_end(experiment: Experiment) -> None:
    with start(experiment) as run:
        sys.exit(0)
    assert run.status == COMPLETED  # v1-behaviours 7.3: swallowed
    with pytest.raises(SystemExit), start(experiment) as run:
        sys.exit(3)
    assert run.status == FAILED


def test_a_child_is_named_after_its_parent_and_ends_on_its_own(experiment: Experiment, held: Any) -> None:
    run = start(experiment, name="top")
    child = run.child_run("fold")
    assert child.name == "top>fold"  # v1-behaviours 7.4
    assert child.parent is not None and child.parent.id == run.id and run.parent is None
    child.log("x", 1)
    child.complete()
    assert (child.status, run.status) == (COMPLETED, "Running")
    assert [found.id for found in run.get_children()] == [child.id]


def test_children_are_made_by_count_or_by_tag(experiment: Experiment) -> None:
    run = start(experiment)
    assert [child.tags for child in run.create_children(count=2)] == [
        {"azureml.batch_child_number": "0"},
        {"azureml.batch_child_number": "1"},
    ]  # v1-behaviours 7.4
    assert [child.tags for child in run.create_children(tag_key="c", tag_values=["a"])] == [{"c": "a"}]
    for arguments in ({}, {"count": 101}, {"count": 0}, {"count": 1, "tag_key": "a"}, {"tag_key": "a"}):
        with pytest.raises(UserErrorException):
            run.create_children(**arguments)


def test_a_run_that_nobody_ended_ends_with_its_process(experiment: Experiment) -> None:
    parent = start(experiment)
    child = parent.child_run()
    background._at_exit()
    assert (parent.status, child.status) == (COMPLETED, COMPLETED)


def test_an_uncaught_exception_fails_it_at_the_end(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    from amlet.domain.run import RunError

    run = start(experiment)
    recorder = run._recorder
    assert recorder is not None and recorder.own is not None
    recorder.own.at_end(RunError("UserError", "User program failed with KeyError: 'x'"))
    assert run.status == FAILED


def test_a_server_that_is_away_at_the_end_stops_nothing(experiment: Experiment, held: Any, capsys: Any) -> None:
    from amlet.base.errors import Unavailable

    def away(*_: object) -> None:
        raise Unavailable("away")

    run = start(experiment)
    run.log("x", 1)
    held.client.runs.drain = held.client.runs.end = away
    run.complete()
    assert "its server is told when it is back" in capsys.readouterr().err
    assert (folder_of("ws_1", run.id) / "end.json").is_file()


def test_an_id_that_is_taken_is_refused(experiment: Experiment) -> None:
    start(experiment, run_id="mine").complete()
    with pytest.raises(UserErrorException, match="There is a run mine already"):
        start(experiment, run_id="mine")
    start(experiment, run_id="other")
    with pytest.raises(UserErrorException, match="other is under way"):
        start(experiment, run_id="other")


def test_a_snapshot_can_be_taken_once(experiment: Experiment) -> None:
    run = start(experiment)
    Path("train.py").write_text("pass")
    taken = run.take_snapshot("train.py")
    assert run.get_snapshot_id() == taken
    with pytest.raises(SnapshotException, match="already"):  # v1-behaviours 7.9
        run.take_snapshot(".")
    with pytest.raises(SnapshotException, match="is not there"):
        experiment.start_logging(snapshot_directory="nowhere")


def test_files_are_uploaded_and_refused_by_name(experiment: Experiment, held: Any) -> None:
    run = start(experiment)
    run.upload_file("./outputs/a.txt", io.BytesIO(b"a"))
    run.upload_file("b.txt", io.StringIO("b"))
    run.upload_files(["c"], [__file__])
    assert set(run.get_file_names()) == {"outputs/a.txt", "b.txt", "c"}
    with pytest.raises(UserErrorException, match="Resource Conflict"):  # v1-behaviours 3.10
        run.upload_file("b.txt", io.BytesIO(b"other"))
    with pytest.raises(TypeError):  # v1-behaviours 3.10
        run.upload_files(["a", "b"], [__file__])
    for name in ("../a", "/a", ""):
        with pytest.raises(UserErrorException, match="cannot name a file"):
            run.upload_file(name, io.BytesIO(b""))
    with pytest.raises(UserErrorException, match="is not there"):
        run.upload_file("x", "nowhere.txt")


def test_tags_properties_and_names_can_be_changed(experiment: Experiment, capsys: Any) -> None:
    run = start(experiment)
    run.tag("a", "1")
    run.set_tags({"b": 2, "c": None})  # type: ignore[dict-item]
    assert "turned into texts" in capsys.readouterr().err  # v1-behaviours 7.7
    assert run.remove_tags(["a", "none"]) == {"b": "2", "c": None} == run.get_tags()
    run.add_properties({"p": "1"})
    with pytest.raises(UserErrorException):  # v1-behaviours 7.8
        run.add_properties({"p": "2"})
    run.display_name, run.description = "shown", "why"
    assert (run.display_name, run.description) == ("shown", "why")
    with pytest.raises(UserErrorException, match="must be a dict"):
        run.set_tags("a")  # type: ignore[arg-type]


def test_type_providers_are_refused_by_name(experiment: Experiment) -> None:
    with pytest.raises(UserErrorException, match="amlet does not have Run"):
        start(experiment).add_type_provider("a", "b")
    assert Run.add_type_provider.__unsupported__


def test_long_lists_and_tables_are_cut_into_lines_and_read_back_whole(experiment: Experiment, held: Any) -> None:
    from amlet.domain.metric import collate
    from amlet.runtime.journal import read_points

    run = start(experiment)
    run.log_list("l", list(range(12_000)))
    run.log_table("t", {"a": list(range(6_000)), "b": [0.5] * 6_000})
    run.flush()
    (journal,) = held.client.runs.drained.values()
    points = read_points(journal).points
    assert max(len(str(point.value)) for point in points) < 100_000 and len(points) > 4
    assert collate([point for point in points if point.name == "l"]) == list(range(12_000))
    assert collate([point for point in points if point.name == "t"]) == {"a": list(range(6_000)), "b": [0.5] * 6_000}
