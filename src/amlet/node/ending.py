"""What the end of an attempt means for its run: completed, failed and why, or cancelled."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import AmletError, StorageFailed, Unavailable
from amlet.domain import run as runs
from amlet.domain.artifact import Entry
from amlet.domain.run import RunError, RunWarning
from amlet.node.memory import Overrun
from amlet.runtime.attempt import Failure, Result
from amlet.wire.nodes import SettleAttempt

PASSING = (Unavailable, StorageFailed, OSError)
"""What may be over at the next try: the server is away, a disk full, a file unreadable."""


class Ending(NamedTuple):
    """How the job ended, as settle tells it."""

    outcome: str
    exit_code: int | None = None
    error: RunError | None = None
    is_nodes_fault: bool = False

    def told(
        self,
        attempt: int,
        outputs: Sequence[Entry] = (),
        warnings: Sequence[RunWarning] = (),
        *,
        collected: bool = True,
        ended_s: float = 0.0,
    ) -> SettleAttempt:
        """The message that tells it, of the attempt with that number."""
        return SettleAttempt(
            attempt,
            self.outcome,
            self.exit_code,
            self.error,
            list(outputs),
            list(warnings),
            collected,
            self.is_nodes_fault,
            ended_s=ended_s,
        )

    def without_an_output(self, error: AmletError) -> Ending:
        """What it becomes when an output of the run's cannot be brought to its datastore."""
        failure = RunError("SystemError", f"An output could not be brought to its datastore: {error}")
        return self._replace(outcome=runs.FAILED, error=failure)


CANCELED = Ending(runs.CANCELED)
"""The end of what has not started when it is cancelled."""


def not_started(error: Exception, folder: Path) -> Ending:
    """The end of a job that could not be started.

    Args:
        folder: The attempt's, named where an error of the file system names no file.
    """
    text = str(error)
    if not isinstance(error, AmletError):
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, OSError):
            why = str(StorageFailed.from_os_error(error, error.filename or folder))
        text = f"The script could not be started: {why}"
    failure = RunError("SystemError", text, type(error).__name__)
    return Ending(runs.FAILED, None, failure, is_nodes_fault=isinstance(error, PASSING))


def given_up(error: Exception) -> Ending:
    """The end of an attempt that the node could not bring further."""
    why = str(error) if isinstance(error, AmletError) else f"{type(error).__name__}: {error}"
    failure = RunError("SystemError", f"The node could not bring the run to its end: {why}", type(error).__name__)
    return Ending(runs.FAILED, None, failure, is_nodes_fault=True)


def cut_short(why: str, *, is_nodes_fault: bool) -> Ending:
    """The end of a script that the node ended for a reason of its own."""
    return Ending(runs.FAILED, None, RunError("SystemError", why), is_nodes_fault=is_nodes_fault)


def may_be_the_kernels(result: Result | None, signal_number: int | None) -> bool:
    """Whether the kernel may have ended it for want of memory: by SIGKILL, or nobody knows how."""
    return result is None and signal_number in (None, signal.SIGKILL)


def of_script(
    result: Result | None,
    *,
    signal_number: int | None = None,
    reason: str | None = None,
    overrun: Overrun | None = None,
    is_cancelled: bool = False,
    is_stopped: bool = False,
) -> Ending:
    """The end of a script that ended by itself or was cancelled.

    Args:
        result: What its bootstrap left; None when a signal or `os._exit` ended it.
        signal_number: The signal that ended the process, where that is known.
        reason: Why it has no result, where more is known than a signal.
        overrun: How it exceeded its memory, if it did.
        is_cancelled: The run is to be cancelled.
        is_stopped: The run's other nodes have ended, so this one was told to end as well.
    """
    is_good = result is not None and result.exit_code == 0 and result.exception is None
    if overrun is not None and not is_good:
        code = 128 + signal.SIGKILL
        return Ending(runs.FAILED, code, RunError("UserError", overrun.sentence, "MemoryError", exit_code=code))
    if is_cancelled or (is_stopped and not is_good):
        return Ending(runs.CANCELED, result.exit_code if result else None)
    if result is None:
        return _without_result(signal_number, reason)
    if is_good:
        return Ending(runs.COMPLETED, 0)
    return Ending(runs.FAILED, result.exit_code, _error_of(result.exit_code, result.exception))


def _without_result(number: int | None, reason: str | None) -> Ending:
    how = f"killed by signal {number}" if number else "killed by a signal or out of memory"
    text = reason or f"The script ended without a result: {how}."
    return Ending(runs.FAILED, None, RunError("SystemError", text, exit_code=128 + number if number else None))


def _error_of(exit_code: int, failure: Failure | None) -> RunError:
    if failure is None:
        text = f"User program failed: it ended with exit code {exit_code}"
        return RunError("UserError", text, exit_code=exit_code)
    # v1-behaviours 6.8
    text = f"User program failed with {failure.type}: {failure.message}"
    if failure.line:
        text += f" ({failure.line})"
    return RunError("UserError", text, failure.type, failure.stack_trace, exit_code)
