"""A run outside a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.exceptions import RunEnvironmentException, UserErrorException
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


def test_what_needs_a_server_says_what_to_use() -> None:
    run = Run.get_context()
    for ask in (run.get_details, run.wait_for_completion, run.get_file_names, lambda: run.register_model("m")):
        with pytest.raises((RunEnvironmentException, UserErrorException)) as caught:
            ask()  # type: ignore[operator]
        assert caught.value.hint


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
