"""The run inside a job, built from the environment alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.runtime.job import JobContext
from amlet.sdk import submitted_run
from amlet.sdk.run import Run
from amlet.sdk.workspace import Workspace


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobContext:
    context = JobContext(
        "iris_1_a", 1, "ws_1", "sub", "group", "demo", "iris", "exp", "http://127.0.0.1:1", "token",
        journal_dir=tmp_path / "journals",
    )  # fmt: skip
    for name, value in context.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(submitted_run, "_kept", {})
    monkeypatch.chdir(tmp_path)
    return context


@pytest.fixture
def run(job: JobContext, held: Any) -> Run:
    made = Run.get_context()
    made.experiment.workspace._connection = held
    return made


def test_the_context_is_the_same_object_each_time(job: JobContext) -> None:
    assert Run.get_context() is Run.get_context()  # v1-behaviours 6.1
    assert Run.get_context(allow_offline=False).id == "iris_1_a"


def test_experiment_and_workspace_are_known_without_a_server(job: JobContext) -> None:
    run = Run.get_context()
    assert (run.experiment.name, run.experiment.workspace.name, run.experiment.id) == ("iris", "demo", "exp")


def test_the_workspace_of_the_job_needs_no_look_up(job: JobContext) -> None:
    assert Workspace("sub", "group", "demo")._connection.workspace_id == "ws_1"


def test_logging_appends_to_the_journal_and_get_metrics_brings_it_first(run: Run, held: Any, tmp_path: Path) -> None:
    run.log("Accuracy", 0.97)
    (journal,) = (tmp_path / "journals").glob("*.jsonl")
    assert held.client.runs.drained == {}
    run.get_metrics()
    assert held.client.runs.drained == {journal.name: journal.read_bytes()}
    run.log("Accuracy", 0.98)
    run.get_metrics()
    assert held.client.runs.drained == {journal.name: journal.read_bytes()}


def test_a_model_can_be_made_of_outputs_before_the_run_ends(run: Run, held: Any, tmp_path: Path) -> None:
    (tmp_path / "outputs" / "deep").mkdir(parents=True)
    (tmp_path / "outputs" / "deep" / "model.joblib").write_bytes(b"x")
    run.register_model("m", "outputs/deep/model.joblib")  # complaint 16
    (sent,) = held.client.runs.handed_in
    assert [entry.path for entry in sent.entries] == ["outputs/deep/model.joblib"]


def test_cancel_only_warns_and_complete_sets_no_status(run: Run, capsys: Any) -> None:
    run.cancel()
    assert "no effect inside the run" in capsys.readouterr().err  # v1-behaviours 6.2
    run.complete()
    with run:
        run.log("x", 1)


def test_fail_tells_the_error_in_the_log(run: Run, capsys: Any) -> None:
    run.fail("no data", error_code="Mine")
    assert "run.fail: Mine: no data" in capsys.readouterr().err
    with pytest.raises(TypeError):
        run.fail(3)


def test_flush_does_not_raise_when_the_server_is_away(run: Run, held: Any, capsys: Any) -> None:
    from amlet.base.errors import Unavailable

    def away(*_: object) -> None:
        raise Unavailable("away")

    held.client.runs.drain = away
    run.log("x", 1)
    run.flush()
    assert "follows later" in capsys.readouterr().err


def test_flush_brings_small_outputs_once_each_time_they_change(run: Run, held: Any, tmp_path: Path) -> None:
    from amlet.sdk.job_outputs import FLUSHED_BYTES

    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "a").write_bytes(b"x")
    with (tmp_path / "outputs" / "large").open("wb") as large:
        large.truncate(FLUSHED_BYTES + 1)
    for _ in range(3):
        run.flush()
    (tmp_path / "outputs" / "a").write_bytes(b"longer")
    run.flush()
    sent = [[entry.path for entry in files.entries] for files in held.client.runs.handed_in]
    assert sent == [["outputs/a"], ["outputs/a"]]


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("outputs/deep/m", ["outputs/deep/m"]),
        ("./outputs/deep/", ["outputs/deep/m", "outputs/deep/n"]),
        ("outputs", ["outputs/a", "outputs/deep/m", "outputs/deep/n"]),
        ("elsewhere", ["outputs/a", "outputs/deep/m", "outputs/deep/n"]),
        ("outputs/../outputs/a", ["outputs/a", "outputs/deep/m", "outputs/deep/n"]),
    ],
)
def test_a_registration_hands_in_what_the_model_is_made_of(
    run: Run, held: Any, tmp_path: Path, path: str, sent: list[str]
) -> None:
    (tmp_path / "outputs" / "deep").mkdir(parents=True)
    for name in ("a", "deep/m", "deep/n"):
        (tmp_path / "outputs" / name).write_bytes(b"x")
    run.register_model("m", path)
    (files,) = held.client.runs.handed_in
    assert [entry.path for entry in files.entries] == sent


def test_get_metrics_names_a_malformed_metric_and_gives_the_others(run: Run, held: Any, capsys: Any) -> None:
    from amlet.wire.runs import Metrics

    told = Metrics({"loss": 0.5, "rows": {"x": [1, None]}}, {"rows": "rows of 'rows' have different columns"})
    held.client.runs.metrics = lambda *_: told
    assert run.get_metrics() == told.values  # complaint 4
    assert "rows of 'rows' have different columns" in capsys.readouterr().err
