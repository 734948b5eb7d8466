"""A run outside a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.exceptions import RunEnvironmentException, UserErrorException
from amlet.sdk.offline_run import _OfflineRun
from amlet.sdk.run import Run


def test_outside_a_job_the_context_is_a_local_run_and_a_new_one_each_time() -> None:
    first, second = Run.get_context(), Run.get_context()
    assert first.id.startswith("OfflineRun_") and first.id != second.id  # v1-behaviours 5.2
    assert isinstance(first, Run)


def test_it_can_be_forbidden() -> None:
    with pytest.raises(RunEnvironmentException, match="Could not load a submitted run"):  # v1-behaviours 5.1
        Run.get_context(allow_offline=False)


def test_it_prints_v1s_lines(capsys: Any) -> None:
    run = Run.get_context()
    run.log("Accuracy", 0.97)
    run.log_list("l", [1, 2])
    run.log_row("r", x=1, y=2)
    run.log_table("t", {"a": [1]})
    assert capsys.readouterr().out == (
        "Attempted to log scalar metric Accuracy:\n0.97\n"
        "Attempted to log list metric l:\n[1, 2]\n"
        "Attempted to log row metric r:\n{'x': 1, 'y': 2}\n"
        "Attempted to log table metric t:\n{'a': [1]}\n"
    )  # v1-behaviours 5.3


def test_what_was_logged_can_be_read_back() -> None:
    run = Run.get_context()
    assert run.get_metrics() == {}
    for step in range(3):
        run.log("loss", 1.0 / (step + 1), step=step)  # v1-behaviours 5.6, 19c
    run.log_list("empty", [])
    assert run.get_metrics() == {"loss": [1.0, 0.5, 1.0 / 3], "empty": []}
    assert run.get_metrics("loss", recursive=True) == {run.id: {"loss": [1.0, 0.5, 1.0 / 3]}}


def test_bad_arguments_raise_as_in_a_job() -> None:
    with pytest.raises(UserErrorException):
        Run.get_context().log("x", [1])


def test_what_needs_a_server_says_what_to_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run.get_context()
    for ask in (run.get_portal_url, lambda: run.register_model("m")):
        with pytest.raises(UserErrorException, match=r"config\.json") as caught:
            ask()
        assert caught.value.hint


def test_details_files_and_waiting_need_no_server() -> None:
    run = Run.get_context()
    assert run.get_details()["status"] == run.wait_for_completion()["status"] == "Running"
    assert run.get_file_names() == [] and run.get_status() == "Running"


def test_its_workspace_is_that_of_config_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"subscription_id": "s", "resource_group": "g", "workspace_name": "mine"})
    )
    monkeypatch.chdir(tmp_path)
    assert Run.get_context().experiment.workspace.name == "mine"  # complaint 1


def test_it_ends_as_its_process_says(capsys: Any) -> None:
    run = Run.get_context()
    with run:
        assert run.get_status() == "Running"
    assert run.get_status() == "Completed"
    other = Run.get_context()
    with pytest.raises(ZeroDivisionError), other:
        1 / 0  # noqa: B018
    assert other.get_status() == "Failed"
    assert f"[START] Run {run.id} context" in capsys.readouterr().out  # v1-behaviours 5.4


def test_getting_the_context_leaves_no_trace_until_something_is_kept(tmp_path: Path) -> None:
    run = Run.get_context()
    assert not (tmp_path / "home").exists()
    run.log("x", 1)
    assert (tmp_path / "home" / "offline" / run.id / "run.json").is_file()


def test_v1s_other_lines_are_printed_as_they_were(capsys: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("a")
    folder = tmp_path / "folder"
    folder.mkdir()
    run = Run.get_context()
    run.add_properties({"a": "1"})
    run.set_tags({"b": "2"})
    run.tag("c", "3")
    run.upload_folder("folder", str(folder))
    run.upload_files(["x"], [str(file)])
    run.upload_file("y", str(file))
    run.flush()
    run.fail("no data", error_code="Mine")
    assert capsys.readouterr().out == (
        "Attempted to add properties {'a': '1'}\n"
        "Attempted to set tags {'b': '2'}\n"
        "Attempted to add tag c with value 3\n"
        f"Attempted to track folder folder at {folder}\n"
        f"Attempted to track files ['x'] at ['{file}'] with timeout Nones\n"
        f"Attempted to track file y at {file}\n"
        f"Attempted to flush run with id {run.id}\n"
        "Run failed with error code Mine:\nno data\n"
    )  # v1-behaviours 5.4


def test_artifact_metrics_print_their_kind(capsys: Any) -> None:
    run = Run.get_context()
    value = {"schema_type": "residuals", "schema_version": "v1", "data": {"bin_edges": [0, 1], "bin_counts": [2]}}
    run.log_residuals("r", value)
    assert capsys.readouterr().out == f"Attempted to log residuals metric r:\n{value}\n"  # v1-behaviours 5.3
    assert run.get_metrics() == {"r": f"aml://artifactId/ExperimentRun/dcid.{run.id}/r"}
    assert run.get_metrics(populate=True)["r"].data == value


def test_tags_properties_and_names_are_kept_and_read_back() -> None:
    run = Run.get_context()
    run.set_tags({"a": "1", "b": None})
    run.remove_tags(["a"])
    run.add_properties({"p": "1"})
    run.display_name = "mine"
    assert (run.get_tags(), run.get_properties(), run.display_name) == ({"b": None}, {"p": "1"}, "mine")
    with pytest.raises(UserErrorException, match="immutable"):
        run.add_properties({"p": "2"})  # v1-behaviours 7.8


def test_both_names_of_v1s_parameters_are_taken(tmp_path: Path) -> None:
    run = Run.get_context()
    run.tag(name="a", value="1")  # type: ignore[call-arg]
    run.tag(key="b", value="2")
    assert run.tags == {"a": "1", "b": "2"}  # v1-behaviours 5.6
    (tmp_path / "x").write_text("x")
    run.upload_files(name=["x"], paths=[str(tmp_path / "x")])  # type: ignore[call-arg]
    assert run.get_file_names() == ["x"]


def test_files_come_back_and_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"model")
    run = Run.get_context()
    run.upload_file("outputs/m.bin", tmp_path / "m.bin")
    run.download_file("outputs/m.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == b"model"
    (tmp_path / "m.bin").write_bytes(b"other")
    with pytest.raises(UserErrorException, match="Resource Conflict"):  # v1-behaviours 3.10
        run.upload_file("outputs/m.bin", tmp_path / "m.bin")


def test_children_bear_their_parents_id_and_are_counted_with_it() -> None:
    run = Run.get_context()
    child = run.child_run("fold 1/3")
    assert child.id == f"{run.id}.fold-1-3" and child.parent is run  # v1-behaviours 5.2
    child.log("score", 1)
    others = run.create_children(tag_key="c", tag_values=["1", "10"])
    assert [other.tags for other in others] == [{"c": "1"}, {"c": "10"}]
    assert {found.id for found in run.get_children()} == {child.id, *(other.id for other in others)}
    assert [found.id for found in run.get_children(tags={"c": "10"})] == [others[1].id]
    assert run.get_metrics(recursive=True) == {child.id: {"score": 1}}


def test_it_is_still_known_by_its_class() -> None:
    from azureml.core.run import _OfflineRun as v1_name

    assert isinstance(Run.get_context(), v1_name) and v1_name is _OfflineRun


def test_a_full_disk_ends_no_training(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "home").write_text("in the way")
    run = Run.get_context()
    run.log("x", 1)
    run.log("x", 2)
    assert capsys.readouterr().err.count("cannot be kept") == 1
