"""Following a run: its changes as they come, and its logs from where they were left."""

from __future__ import annotations

import codecs
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence

from amlet.base.errors import NotFound
from amlet.domain.job import FIRST_STD_LOG, STD_LOG
from amlet.domain.run import QUEUED, past_logs
from amlet.sdk.connection import Connection
from amlet.wire.files import FileQuery, RunFile
from amlet.wire.runs import RunChanges, WatchQuery

SCRIPT_LOG = STD_LOG
BUILD_LOG = "azureml-logs/20_image_build_log.txt"

WAIT_S = 20.0
QUEUED_WAIT_S = 2.0
"""In the queue a run's place changes while the run itself does not."""

PATIENCE_S = 600.0
"""How long the server may be away before following is given up."""

_TAIL_BYTES = 64 << 10


def changes(held: Connection, run_id: str) -> Iterator[RunChanges]:
    """The run now, and again at each change, until it is over. Goes on over restarts of the server."""
    query = WatchQuery(-1, WAIT_S)
    while True:
        found = held.client.runs.watch(held.workspace_id, run_id, query, patience_s=PATIENCE_S)
        yield found
        if found.run.is_over:
            return
        query = WatchQuery(found.run.revision, QUEUED_WAIT_S if found.run.status == QUEUED else WAIT_S)


class LogReader:
    """One log of a run, read on from where it was left, in bounded memory; over attempts, one after the other."""

    def __init__(self, held: Connection, run_id: str, path: str, *, offset: int = 0) -> None:
        self._held = held
        self._run_id = run_id
        self._path = path
        self._offset = offset
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._past: set[str] | None = None

    def news(self, files: Sequence[RunFile]) -> Iterator[str]:
        """What the log has more than at the last call, by what the server says of its size."""
        self._path = script_log(files, self._path)
        past = past_logs([file.path for file in files], self._path)
        if self._past is None:
            self._past = set(past)
        for path in past:
            if path not in self._past:  # what was read so far has this name now
                self._past.add(path)
                yield from self._read(path, files)
                yield self._decode.decode(b"", True)
                self._offset = 0
        yield from self._read(self._path, files)

    def _read(self, path: str, files: Sequence[RunFile]) -> Iterator[str]:
        if size_of(files, path) <= self._offset:
            return
        query = FileQuery(path, self._offset)
        with (
            contextlib.suppress(NotFound),  # its attempt has ended just now: the next look knows its other name
            self._held.client.runs.file(self._held.workspace_id, self._run_id, query) as body,
        ):
            for chunk in body.chunks():
                self._offset += len(chunk)
                yield self._decode.decode(chunk)

    def rest(self) -> str:
        """What is left of a character that was cut."""
        return self._decode.decode(b"", True)


def script_log(files: Sequence[RunFile], path: str) -> str:
    """The same path; of a script with several processes that of the first one."""
    names = {file.path for file in files}
    return FIRST_STD_LOG if path == SCRIPT_LOG and path not in names and FIRST_STD_LOG in names else path


def size_of(files: Sequence[RunFile], path: str) -> int:
    """The size of a file in bytes; 0 when it is not there yet."""
    return next((file.size_bytes for file in files if file.path == path), 0)


def tail_offset(held: Connection, run_id: str, path: str, size_bytes: int, lines: int) -> int:
    """Where the last `lines` lines of a file of that size begin, found without reading the rest of it."""
    if lines <= 0:
        return size_bytes
    back = _TAIL_BYTES
    while True:
        start = max(0, size_bytes - back)
        ends: deque[int] = deque(maxlen=lines + 1)
        place = start
        with held.client.runs.file(held.workspace_id, run_id, FileQuery(path, start)) as body:
            for chunk in body.chunks():
                chunk = chunk[: size_bytes - place]
                found = chunk.find(b"\n")
                while found >= 0:
                    ends.append(place + found + 1)
                    found = chunk.find(b"\n", found + 1)
                place += len(chunk)
                if place >= size_bytes:
                    break
        # A last line without its end counts as a line.
        wanted = lines if ends and ends[-1] < size_bytes else lines + 1
        if len(ends) >= wanted:
            return ends[-wanted]
        if start == 0:
            return 0
        back *= 4
