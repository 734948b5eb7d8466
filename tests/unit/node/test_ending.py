"""What an end means: of a script by its result, of an attempt that got no further by what was raised."""

from __future__ import annotations

import errno
import signal
from pathlib import Path

import pytest

from amlet.base.errors import AmletError, InvalidInput, StorageFailed, Unavailable
from amlet.domain.artifact import Entry
from amlet.domain.run import CANCELED, COMPLETED, FAILED, RunError, RunWarning
from amlet.node.ending import Ending, cut_short, given_up, may_be_the_kernels, not_started, of_script
from amlet.node.memory import Overrun
from amlet.runtime.attempt import Failure, Result, Usage
from amlet.wire.nodes import SettleAttempt

FOLDER = Path("/attempt")
OVERRUN = Overrun(3 << 30, 2 << 30)
RAISED = Failure("ValueError", "bad", "Traceback ...", "train_iris.py:41")


def _result(code: int = 0, failure: Failure | None = None) -> Result:
    return Result(code, failure, Usage(1 << 20, 1.0, 0.1))


def _message(ending: Ending) -> str:
    assert ending.error is not None
    return ending.error.message


def test_a_script_that_leaves_zero_is_completed() -> None:
    assert of_script(_result()) == Ending(COMPLETED, 0)


def test_an_exception_is_told_with_its_line_and_its_trace() -> None:
    # v1-behaviours 6.8
    text = "User program failed with ValueError: bad (train_iris.py:41)"
    error = RunError("UserError", text, "ValueError", "Traceback ...", 1)
    assert of_script(_result(1, RAISED)) == Ending(FAILED, 1, error)
    assert _message(of_script(_result(1, RAISED._replace(line=None)))) == "User program failed with ValueError: bad"


def test_an_exception_fails_a_run_whose_exit_code_is_zero() -> None:
    assert of_script(_result(0, RAISED)).outcome == FAILED


def test_an_exit_code_without_an_exception_is_told_as_it_is() -> None:
    text = "User program failed: it ended with exit code 3"
    assert of_script(_result(3)) == Ending(FAILED, 3, RunError("UserError", text, exit_code=3))


@pytest.mark.parametrize(
    ("number", "reason", "text", "code"),
    [
        (signal.SIGSEGV, None, "The script ended without a result: killed by signal 11.", 139),
        (None, None, "The script ended without a result: killed by a signal or out of memory.", None),
        (None, "The container could not be run: no image.", "The container could not be run: no image.", None),
    ],
)
def test_a_script_without_a_result_fails_by_what_is_known(
    number: int | None, reason: str | None, text: str, code: int | None
) -> None:
    error = RunError("SystemError", text, exit_code=code)
    assert of_script(None, signal_number=number, reason=reason) == Ending(FAILED, None, error)


@pytest.mark.parametrize("result", [None, _result(1, RAISED), _result(137)])
@pytest.mark.parametrize("is_cancelled", [True, False])
def test_out_of_memory_explains_every_end_but_a_good_one(result: Result | None, is_cancelled: bool) -> None:
    error = RunError("UserError", OVERRUN.sentence, "MemoryError", exit_code=137)
    assert of_script(result, overrun=OVERRUN, is_cancelled=is_cancelled) == Ending(FAILED, 137, error)
    assert of_script(_result(), overrun=OVERRUN) == Ending(COMPLETED, 0)


@pytest.mark.parametrize(
    ("result", "number", "expected"),
    [
        (None, signal.SIGKILL, True),
        (None, None, True),
        (None, signal.SIGSEGV, False),
        (_result(1), None, False),
    ],
)
def test_the_kernel_ends_with_sigkill_and_leaves_no_result(
    result: Result | None, number: int | None, expected: bool
) -> None:
    assert may_be_the_kernels(result, number) is expected


@pytest.mark.parametrize("result", [None, _result(), _result(1, RAISED)])
def test_what_is_cancelled_is_canceled_however_it_ended(result: Result | None) -> None:
    assert of_script(result, is_cancelled=True) == Ending(CANCELED, result.exit_code if result else None)


def test_a_node_that_follows_the_others_is_canceled_unless_it_was_good() -> None:
    assert of_script(_result(), is_stopped=True) == Ending(COMPLETED, 0)
    assert of_script(_result(143), is_stopped=True) == Ending(CANCELED, 143)
    assert of_script(None, signal_number=signal.SIGTERM, is_stopped=True) == Ending(CANCELED)


@pytest.mark.parametrize(
    ("error", "text", "is_nodes_fault"),
    [
        (InvalidInput("no such file"), "no such file", False),
        (Unavailable("gone"), "gone", True),
        (StorageFailed("full"), "full", True),
        (ValueError("odd"), "The script could not be started: ValueError: odd", False),
    ],
)
def test_what_could_not_start_is_the_nodes_fault_when_the_next_try_may_be_better(
    error: Exception, text: str, is_nodes_fault: bool
) -> None:
    told = RunError("SystemError", text, type(error).__name__)
    assert not_started(error, FOLDER) == Ending(FAILED, None, told, is_nodes_fault)


@pytest.mark.parametrize(("name", "where"), [("/data/x", "/data/x"), (None, str(FOLDER))])
def test_an_error_of_the_file_system_names_its_file_or_the_attempts_folder(name: str | None, where: str) -> None:
    ending = not_started(OSError(errno.ENOSPC, "No space left on device", name), FOLDER)
    assert _message(ending).startswith("The script could not be started: ")
    assert where in _message(ending)
    assert ending.is_nodes_fault


@pytest.mark.parametrize(
    ("error", "why"), [(KeyError("a"), "KeyError: 'a'"), (AmletError("out of descriptors"), "out of descriptors")]
)
def test_an_attempt_that_is_given_up_is_the_nodes_fault(error: Exception, why: str) -> None:
    ending = given_up(error)
    assert _message(ending) == f"The node could not bring the run to its end: {why}"
    assert (ending.outcome, ending.exit_code, ending.is_nodes_fault) == (FAILED, None, True)


def test_what_the_node_cuts_short_fails_for_that_reason() -> None:
    error = RunError("SystemError", "It took too long.")
    assert cut_short("It took too long.", is_nodes_fault=False) == Ending(FAILED, None, error)


def test_an_output_that_cannot_be_brought_fails_a_good_run() -> None:
    ending = Ending(COMPLETED, 0).without_an_output(Unavailable("the bucket is away"))
    assert (ending.outcome, ending.exit_code) == (FAILED, 0)
    assert _message(ending) == "An output could not be brought to its datastore: the bucket is away"


def test_an_ending_is_told_with_all_that_it_knows() -> None:
    error = RunError("SystemError", "x")
    entry, warning = Entry("outputs/a", "0" * 64, 1, 0o644), RunWarning("outputs", "y")
    told = Ending(FAILED, 3, error, is_nodes_fault=True).told(2, [entry], [warning], collected=False, ended_s=1.5)
    assert told == SettleAttempt(2, FAILED, 3, error, [entry], [warning], False, True, ended_s=1.5)
    assert Ending(COMPLETED, 0).told(1) == SettleAttempt(1, COMPLETED, 0, None, [], [])
