"""Waiting for a run, with its log printed while it grows (v1-behaviours 2.11-2.17)."""

from __future__ import annotations

import codecs
import json
import re
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set, TextIO

from amlet.base.errors import NotFound, Unavailable
from amlet.domain.run import FAILED, QUEUED
from amlet.sdk.exceptions import ActivityFailedException, ExperimentExecutionException
from amlet.sdk.stage_lines import StageLines
from amlet.wire.files import FileQuery
from amlet.wire.runs import EndQuery, WatchQuery

if TYPE_CHECKING:
    from amlet.sdk.run import Run
    from amlet.wire.files import RunFile
    from amlet.wire.runs import RunChanges

STREAMED = re.compile(
    r"(user_logs/std_log[\D]*[0]*(?:_ps)?\.txt)|(azureml-logs/[\d]{2}.+\.txt)|(azureml-logs/hyperdrive\.txt)"
)
"""Logs that are printed (v1-behaviours 2.15)."""

_PAST = re.compile(r"/attempt_\d+(?=/)")

WAIT_S = 20.0
"""How long the server holds one question back when nothing changes."""

QUEUED_WAIT_S = 5.0
"""In the queue a run's place changes while the run itself does not."""

PATIENCE_S = 600.0
"""How long the server may be away before waiting for a run is given up."""

TRIES = 5
"""How often an answer may break before that is an error."""

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
        self._name: Optional[str] = None
        self._latest = ""
        """The last by name of the logs that were shown."""
        self._past: Optional[Set[str]] = None
        self._stages = StageLines()
        self._offset = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_line_start = True

    def head(self) -> None:
        self._print(f"RunId: {self._run.id}\nWeb View: {self._run.get_portal_url()}\n")

    def show(self, found: RunChanges) -> None:
        """Print what is new in the log that is streamed now: the last one, by name."""
        self._stages.show(found.run)
        self._end_attempts(found.files)
        last = _streamed(found.files)
        if last is None or last.path < self._latest:
            return  # a log that was shown before another: that one's next attempt is waited for
        if self._name is not None and last.path != self._name:
            self._rest(found.files)  # what the log before has had to say since
        # A log that became shorter is that of another attempt.
        if last.path != self._name or last.size_bytes < self._offset:
            self._begin(last.path)
        self._read(last.size_bytes)

    def summary(self, details: Dict[str, Any], *, tell_error: bool) -> None:
        self._end_line()
        lines = ["", "Execution Summary", "=" * len("Execution Summary")]
        lines += [f"RunId: {self._run.id}", f"Web View: {self._run.get_portal_url()}"]
        messages = [warning["message"] for warning in details["warnings"] if warning.get("message")]
        if messages:
            lines += ["", "Warnings:", *messages]
        if tell_error and details.get("error"):
            lines += ["", "Error:", json.dumps(details["error"], indent=4)]
        self._print("\n".join([*lines, "", ""]))

    def _begin(self, name: str) -> None:
        self._end_line()
        self._name, self._offset = name, 0
        self._latest = max(self._latest, name)
        self._decode.reset()
        self._print(f"\nStreaming {name}\n{'=' * (len(name) + 10)}\n\n")

    def _end_attempts(self, files: List[RunFile]) -> None:
        """The log that was printed so far bears another name when its attempt is followed by another."""
        sizes = {file.path: file.size_bytes for file in files}
        if self._past is None:
            self._past = {path for path in sizes if "/attempt_" in path}
        for path in sorted(sizes, key=lambda path: (len(path), path)):
            name = _PAST.sub("", path)
            if name == path or path in self._past or not STREAMED.fullmatch(name):
                continue
            self._past.add(path)
            if name != self._name:  # its attempt was over before it was seen: its log came with its end
                self._begin(name)
            self._read(sizes[path], path)
            self._name = None  # the next one begins with a head of its own

    def _rest(self, files: List[RunFile]) -> None:
        self._read(next((file.size_bytes for file in files if file.path == self._name), 0))

    def _read(self, size_bytes: int, path: Optional[str] = None) -> None:
        """Print what the log holds up to this size, and perhaps more. A broken answer is asked for again."""
        name = path or self._name
        assert name is not None
        held, tries_left = self._run._connection, TRIES
        while self._offset < size_bytes:
            before = self._offset
            try:
                query = FileQuery(name, self._offset)
                with held.client.runs.file(held.workspace_id, self._run.id, query) as body:
                    for chunk in body.chunks():
                        self._offset += len(chunk)
                        self._print(self._decode.decode(chunk))
            except NotFound:
                return  # its attempt has ended just now: the next look knows its other name
            except Unavailable:
                tries_left -= 1
                if not tries_left:
                    raise
            else:
                if self._offset == before:
                    return  # the log of an attempt that was given up is gone

    def _end_line(self) -> None:
        left = self._decode.decode(b"", True)
        if left or not self._at_line_start:
            self._print(left + "\n")

    def _print(self, text: str) -> None:
        if text:
            write_text(self._out, text)
            self._at_line_start = text.endswith("\n")


def _streamed(files: List[RunFile]) -> Optional[RunFile]:
    known = [file for file in files if STREAMED.match(file.path)]
    return max(known, key=lambda file: file.path) if known else None
