"""What waiting for a run prints, and how it ends."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest

from amlet.domain.run import COMPLETED, FAILED, QUEUED, RunError, RunWarning, Stage
from amlet.sdk.exceptions import ActivityFailedException, ExperimentExecutionException
from amlet.sdk.experiment import Experiment
from amlet.sdk.run import Run
from amlet.sdk.streaming import wait_for_completion

BUILD = "azureml-logs/20_image_build_log.txt"
LOG = "user_logs/std_log.txt"


@pytest.fixture
def run(experiment: Experiment, make_run: Any) -> Run:
    return Run(experiment, make_run().id)


def told(run: Run, *, raise_on_error: bool = True) -> str:
    out = io.StringIO()
    wait_for_completion(run, show_output=True, raise_on_error=raise_on_error, out=out)
    return out.getvalue()


def test_the_output_has_v1s_parts_in_v1s_order(run: Run, held: Any, make_run: Any) -> None:
    held.client.runs.story = [
        (make_run(status=QUEUED, revision=1), {BUILD: b"cache hit\n"}),
        (make_run(revision=2), {BUILD: b"cache hit\nready\n", LOG: b"one\n"}),
        (make_run(status=COMPLETED, revision=3), {BUILD: b"cache hit\nready\n", LOG: b"one\ntwo\n"}),
    ]
    view = "http://127.0.0.1:8700/w/ws_1/e/iris/r/" + run.id
    assert told(run) == (
        f"RunId: {run.id}\nWeb View: {view}\n"
        f"\nStreaming {BUILD}\n{'=' * (len(BUILD) + 10)}\n\ncache hit\nready\n"
        f"\nStreaming {LOG}\n{'=' * (len(LOG) + 10)}\n\none\ntwo\n"
        f"\nExecution Summary\n=================\nRunId: {run.id}\nWeb View: {view}\n\n"
    )  # v1-behaviours 2.14


def test_each_attempt_has_a_head_of_its_own_and_its_whole_log(run: Run, held: Any, make_run: Any) -> None:
    first = "user_logs/attempt_1/std_log.txt"
    held.client.runs.story = [
        (make_run(revision=1), {LOG: b"one\n"}),
        (make_run(status=QUEUED, revision=2), {first: b"one\ntwo\n"}),
        (make_run(revision=3), {first: b"one\ntwo\n", LOG: b"again, and longer\n"}),
        (make_run(status=COMPLETED, revision=4), {first: b"one\ntwo\n", LOG: b"again, and longer\n"}),
    ]
    head = f"\nStreaming {LOG}\n{'=' * (len(LOG) + 10)}\n\n"
    assert f"{head}one\ntwo\n{head}again, and longer\n\nExecution Summary" in told(run)


def test_an_attempt_that_was_over_before_it_was_seen_has_its_log_shown_too(run: Run, held: Any, make_run: Any) -> None:
    first = "user_logs/attempt_1/std_log.txt"
    held.client.runs.story = [
        (make_run(status=QUEUED, revision=1), {BUILD: b"cache hit\n"}),
        (make_run(revision=2), {BUILD: b"cache hit\n", first: b"one\n"}),
        (make_run(status=COMPLETED, revision=3), {BUILD: b"cache hit\n", first: b"one\n", LOG: b"two\n"}),
    ]
    head = f"\nStreaming {LOG}\n{'=' * (len(LOG) + 10)}\n\n"
    assert f"{head}one\n{head}two\n\nExecution Summary" in told(run)


def test_stages_and_the_reason_for_a_wait_are_told_on_stderr(
    run: Run, held: Any, make_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    now = make_run().created
    stages = [Stage("submit", now, now + timedelta(seconds=2), "sent")]
    waits = make_run(status=QUEUED, stages=stages, waiting_for="waits for a node of cpu: 3 runs ahead")
    fewer = waits._replace(waiting_for="waits for a node of cpu: 1 run ahead")
    held.client.runs.story = [(state, {}) for state in (waits, waits, waits, fewer, make_run(status=COMPLETED))]
    told(run)
    assert capsys.readouterr().err.splitlines() == [
        "amlet: submit: 2.0 s (sent)",
        "amlet: waits for a node of cpu: 3 runs ahead",
        "amlet: waits for a node of cpu: 1 run ahead",
    ]


def test_warnings_stand_in_the_summary(run: Run, held: Any, make_run: Any) -> None:
    warning = RunWarning("outputs", "model.joblib was written elsewhere.")
    held.client.runs.story = [(make_run(status=COMPLETED, warnings=[warning]), {})]
    assert "\nWarnings:\nmodel.joblib was written elsewhere.\n" in told(run)


def test_a_log_that_ends_in_mid_line_is_ended(run: Run, held: Any, make_run: Any) -> None:
    held.client.runs.story = [(make_run(status=COMPLETED), {LOG: b"no newline"})]
    assert "no newline\n\nExecution Summary" in told(run)


def test_other_files_are_not_streamed(run: Run, held: Any, make_run: Any) -> None:
    held.client.runs.story = [(make_run(status=COMPLETED), {"outputs/x.txt": b"secret", "logs/a.txt": b"secret"})]
    assert "secret" not in told(run)  # v1-behaviours 2.15


def test_a_failed_run_raises_with_its_error_as_json(run: Run, held: Any, make_run: Any) -> None:
    error = RunError("UserError", "User program failed with ValueError: no", "ValueError", "Traceback", 1)
    held.client.runs.story = [(make_run(status=FAILED, error=error), {})]
    with pytest.raises(ActivityFailedException) as caught:
        run.wait_for_completion()
    assert caught.value.message.startswith("Activity Failed:\n{")  # v1-behaviours 2.12
    assert json.loads(caught.value.message.split("\n", 1)[1])["message"] == error.message


def test_without_raising_the_error_is_printed_and_the_details_returned(run: Run, held: Any, make_run: Any) -> None:
    held.client.runs.story = [(make_run(status=FAILED, error=RunError("UserError", "no")), {})]
    assert '\nError:\n{\n    "code": "UserError"' in told(run, raise_on_error=False)
    assert run.wait_for_completion(raise_on_error=False)["status"] == FAILED


def test_without_output_the_details_at_the_end_are_the_last_answer(run: Run, held: Any, make_run: Any) -> None:
    states = (QUEUED, QUEUED, QUEUED, COMPLETED)
    held.client.runs.story = [(make_run(status=status), {}) for status in states]
    assert run.wait_for_completion()["status"] == COMPLETED and run.status == COMPLETED


def test_ctrl_c_while_streaming_says_that_the_run_goes_on(run: Run, held: Any, make_run: Any) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    held.client.runs.watch = held.client.runs.get = interrupt
    with pytest.raises(ExperimentExecutionException, match="the run goes on"):  # v1-behaviours 2.17
        told(run)
    with pytest.raises(KeyboardInterrupt):
        run.wait_for_completion()
