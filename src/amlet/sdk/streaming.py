"""Waiting for a run, with its log printed while it grows (v1-behaviours 2.11-2.17)."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, TextIO

from amlet.domain.run import FAILED, QUEUED
from amlet.sdk.exceptions import ActivityFailedException, ExperimentExecutionException
from amlet.sdk.run_logs import RunLogs
from amlet.sdk.stage_lines import StageLines
from amlet.wire.runs import EndQuery, WatchQuery

if TYPE_CHECKING:
    from amlet.sdk.run import Run
    from amlet.wire.runs import RunChanges

STREAMED = re.compile(
    r"(user_logs/std_log[\D]*[0]*(?:_ps)?\.txt)|(azureml-logs/[\d]{2}.+\.txt)|(azureml-logs/hyperdrive\.txt)"
)
"""Logs that are printed (v1-behaviours 2.15)."""

WAIT_S = 20.0
"""How long the server holds one question back when nothing changes."""

QUEUED_WAIT_S = 5.0
"""In the queue a run's place changes while the run itself does not."""

PATIENCE_S = 600.0
"""How long the server may be away before waiting for a run is given up."""

NO_ERROR_SET = "Detailed error not set on the Run. Please check the logs for details."


def wait_for_completion(
    run: Run, *, show_output: bool, raise_on_error: bool, out: Optional[TextIO] = None
) -> Dict[str, Any]:
    """Wait until the run is over, see `Run.wait_for_completion`.

    Args:
        out: Where to print; stdout by default.
    """
    if not show_output:
        details = _details_at_end(run)
    else:
        printer = _Printer(run, out or sys.stdout)
        try:
            printer.head()
            _follow(run, printer.show)
        except KeyboardInterrupt:
            raise ExperimentExecutionException(
                f"The output of run {run.id} is no longer shown; the run goes on.",
                hint=f"run.cancel() or `amlet cancel {run.id}` ends it, `amlet logs -f {run.id}` shows it again.",
            ) from None
        details = run.get_details()
        printer.summary(details, tell_error=not raise_on_error)
    if raise_on_error and details["status"] == FAILED:
        raise ActivityFailedException(error_details=json.dumps(details.get("error") or NO_ERROR_SET, indent=4))
    return details


def write_text(out: TextIO, text: str) -> None:
    """Write to a stream; a terminal of another encoding does not end the waiting."""
    try:
        out.write(text)
    except UnicodeEncodeError:
        encoding = out.encoding or "ascii"
        out.write(text.encode(encoding, "backslashreplace").decode(encoding))
    out.flush()


def _details_at_end(run: Run) -> Dict[str, Any]:
    """What `get_details` gives, once the run is over. Goes on over restarts of the server."""
    held, query = run._connection, EndQuery(WAIT_S)
    while True:
        found = held.client.runs.get(held.workspace_id, run.id, query, patience_s=PATIENCE_S)
        run._record = found.run
        if found.run.is_over:
            return run._details(found)


def _follow(run: Run, tell: Callable[[RunChanges], None]) -> None:
    """Tell each state of the run until it is over. Goes on over restarts of the server."""
    held, query = run._connection, WatchQuery(-1, WAIT_S)
    while True:
        found = held.client.runs.watch(held.workspace_id, run.id, query, patience_s=PATIENCE_S)
        run._record = found.run
        tell(found)
        if found.run.is_over:
            return
        query = WatchQuery(found.run.revision, QUEUED_WAIT_S if found.run.status == QUEUED else WAIT_S)


class _Printer:
    """Prints what v1 prints, in its order (v1-behaviours 2.14)."""

    def __init__(self, run: Run, out: TextIO) -> None:
        self._run = run
        self._out = out
        self._stages = StageLines()
        self._logs = RunLogs(run._connection, run.id, STREAMED)
        self._at_line_start = True

    def head(self) -> None:
        self._print(f"RunId: {self._run.id}\nWeb View: {self._run.get_portal_url()}\n")

    def show(self, found: RunChanges) -> None:
        """Print what is new, each log below a head."""
        self._stages.show(found.run)
        for piece in self._logs.news(found.files):
            if piece.begins:
                self._end_line()
                self._print(f"\nStreaming {piece.name}\n{'=' * (len(piece.name) + 10)}\n\n")
            self._print(piece.text)

    def summary(self, details: Dict[str, Any], *, tell_error: bool) -> None:
        self._print(self._logs.rest())
        self._end_line()
        lines = ["", "Execution Summary", "=" * len("Execution Summary")]
        lines += [f"RunId: {self._run.id}", f"Web View: {self._run.get_portal_url()}"]
        messages = [warning["message"] for warning in details["warnings"] if warning.get("message")]
        if messages:
            lines += ["", "Warnings:", *messages]
        if tell_error and details.get("error"):
            lines += ["", "Error:", json.dumps(details["error"], indent=4)]
        self._print("\n".join([*lines, "", ""]))

    def _end_line(self) -> None:
        if not self._at_line_start:
            self._print("\n")

    def _print(self, text: str) -> None:
        if text:
            write_text(self._out, text)
            self._at_line_start = text.endswith("\n")
