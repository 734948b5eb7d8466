"""Following a run: its changes as they come, the end of a log, and which log is whose."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence

from amlet.domain.job import FIRST_STD_LOG, STD_LOG
from amlet.domain.run import QUEUED
from amlet.sdk.connection import Connection
from amlet.wire.files import FileQuery, RunFile
from amlet.wire.runs import RunChanges, WatchQuery

BUILD_LOG = "azureml-logs/20_image_build_log.txt"

SCRIPT_LOGS = re.compile(rf"(?:{re.escape(STD_LOG)}|{re.escape(FIRST_STD_LOG)})\Z")
"""What a script prints; of several processes what the first one does."""
BUILD_LOGS = re.compile(rf"{re.escape(BUILD_LOG)}\Z")

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


def script_log(files: Sequence[RunFile]) -> str:
    """What a script prints is in this one; of several processes what the first one does."""
    names = {file.path for file in files}
    return FIRST_STD_LOG if FIRST_STD_LOG in names and STD_LOG not in names else STD_LOG


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
