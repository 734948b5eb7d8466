"""One scoring process: started, watched for its first answer and its heartbeat, ended."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from amlet.base.units import human_bytes
from amlet.domain import service as services
from amlet.domain.job import Share
from amlet.node.cgroups import make_cgroup
from amlet.node.cores import Cores
from amlet.node.memory import MemoryWatch, limit_of
from amlet.node.processes import JobProcess
from amlet.node.tails import Tail
from amlet.runtime.scoring.access import AccessFile
from amlet.runtime.scoring.files import ReplicaState

START_S = 900.0
"""A model that takes longer to load is taken for one that hangs."""
HUNG_S = 20.0
"""A process that answers nothing, not even to itself, for so long is replaced. It looks every second."""
STUCK_S = 5.0
"""So long all of its turns may be held by calls that are past their timeout."""
DRAIN_S = 6.0
"""From SIGTERM to SIGKILL: requests in flight are finished."""
LOOK_S = 0.5
LAST_LINES = 40
RECENT_BYTES = 32 << 10
OUTPUT_BYTES = 16 << 20
"""What a process has printed is kept on this machine up to so much; the server has it all."""

_turns = itertools.count()


class Start(NamedTuple):
    """What a process is started with."""

    folder: Path
    """Its own; made here and removed with it."""
    counts: Path
    """Where the processes of a revision leave their counts."""
    python: Path
    script: Path
    write: Callable[[Path, str], None]
    """Puts its orders into its folder; also gets its name."""
    variables: Mapping[str, str]
    share: Share
    holds_cores: bool
    """It may use no more cores than its share."""
    listening_fd: int


class ReplicaProcess:
    """One process of a revision. Used by its keeper's thread."""

    def __init__(self, start: Start, name: str, send_log: Callable[[bytes], None]) -> None:
        """Start it.

        Raises:
            StorageFailed, OSError: it cannot be started.
        """
        self.name = name
        self.is_healthy = False
        self.is_leaving = False
        self._folder = start.folder
        self._counts = start.counts / f"{name}.json"
        self._share = start.share
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)
        start.write(self._folder, name)
        self._output = self._folder / "replica.log"
        with contextlib.ExitStack() as stack:
            if start.holds_cores and (cores := _cores(start.share.cores)) is not None:
                stack.enter_context(cores.inherited())
            self._process = JobProcess.start(
                [str(start.python), str(start.script), str(self._folder)],
                folder=self._folder,
                cwd=self._folder,
                variables=start.variables,
                output=self._output,
                keep_fds=[start.listening_fd],
            )
        limit_bytes = limit_of(start.share.memory_bytes) if start.share.memory_bytes else None
        self._cgroup = None
        self._memory = None
        if limit_bytes is not None:
            self._cgroup = make_cgroup(self._folder.parent.name + name, start.share, memory_bytes=limit_bytes)
            if self._cgroup is not None:
                self._cgroup.add(self._process.mark.pid)
            self._memory = MemoryWatch(self._process.mark, limit_bytes)
            self._memory.start()
        self._send_log = send_log
        self._recent = b""
        """The last that it printed."""
        self._tail = Tail(self._output, self._send, is_new=True)
        self._began_s = self._looked_s = self._beat_s = time.monotonic()
        self._beat: object = None
        self._stuck_s: float | None = None
        self._end_s: float | None = None
        self._why: str | None = None

    def look(self) -> None:
        """Take in what it says of itself, and end it when it hangs."""
        with contextlib.suppress(OSError):  # it is read the next time
            self._tail.advance()
            self._cut_output()
        now_s = time.monotonic()
        if not self.is_healthy:
            told = ReplicaState.read(self._folder)
            self.is_healthy = told is not None and told.state == services.HEALTHY
            self._beat_s = now_s
        if self._end_s is not None:
            if now_s > self._end_s:
                self._process.kill()
            return
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        if self.is_healthy:
            self._check_heartbeat(now_s)
        elif now_s - self._began_s > START_S:
            self._replace(f"The replica did not answer within {START_S:.0f} seconds of its start.")

    def change_access(self, access: AccessFile) -> None:
        """Let it take in who may ask; it does within a second."""
        with contextlib.suppress(OSError):  # on its way out
            access.write(self._folder)

    def counts(self) -> dict[str, Any]:
        """What it has counted; empty before it has."""
        try:
            found: dict[str, Any] = json.loads(self._counts.read_bytes())
        except (OSError, ValueError):
            return {}
        return found

    @property
    def has_ended(self) -> bool:
        return not self._process.is_alive()

    def leave(self) -> None:
        """Ask for its end; requests in flight are finished."""
        self.is_leaving = True
        if self._end_s is None:
            self._end_s = time.monotonic() + DRAIN_S
            self._process.terminate()

    def reason(self) -> str:
        """Why it ended, with the end of its log or its traceback."""
        memory = self._memory
        by_kernel = self._cgroup is not None and self._cgroup.kills > 0
        if memory is not None and (memory.overrun is not None or by_kernel):
            used = max(memory.peak_bytes, memory.overrun.used_bytes if memory.overrun else 0)
            return (
                f"The replica was ended, out of memory: used {human_bytes(used)} of "
                f"{human_bytes(self._share.memory_bytes)}. Deploy it with a larger memory_gb."
            )
        if self._why is not None:
            return f"{self._why} The end of its log:\n{self._last_lines()}"
        told = ReplicaState.read(self._folder)
        if told is not None and told.error:
            return told.error + (f"\n{told.traceback}" if told.traceback else "")
        number = self._process.signal_number()
        how = f", by signal {number}" if number else ""
        when = "" if self.is_healthy else " before it answered"
        return f"The replica's process ended{when}{how}. The end of its log:\n{self._last_lines()}"

    def close(self) -> None:
        """Let go of what was taken. It has ended."""
        self._process.close()
        if self._memory is not None:
            self._memory.close()
        if self._cgroup is not None:
            self._cgroup.remove()
        with contextlib.suppress(OSError):
            self._tail.drain()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _check_heartbeat(self, now_s: float) -> None:
        told = self.counts()
        beat = told.get("at_s")
        if beat != self._beat:
            self._beat, self._beat_s = beat, now_s
        elif now_s - self._beat_s > HUNG_S:
            self._replace(f"The replica did nothing for {HUNG_S:.0f} seconds.")
        if not told.get("stuck"):
            self._stuck_s = None
        elif self._stuck_s is None:
            self._stuck_s = now_s
        elif now_s - self._stuck_s > STUCK_S:
            self._replace("Every call that the replica may have at a time is past its timeout and does not end.")

    def _replace(self, why: str) -> None:
        self._why = why
        self._end_s = time.monotonic()
        self._process.kill()

    def _last_lines(self) -> str:
        with contextlib.suppress(OSError):
            self._tail.drain()
        lines = self._recent.decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-LAST_LINES:]) or "(it printed nothing)"

    def _send(self, offset: int, data: bytes) -> int:
        # What is lost while the server is away stays lost: it is a log.
        if data:
            self._recent = (self._recent + data)[-RECENT_BYTES:]
            self._send_log(data)
        return offset + len(data)

    def _cut_output(self) -> None:
        """Begin the file anew once it is long and sent: the process appends to whatever is there."""
        size = self._output.stat().st_size
        if size > OUTPUT_BYTES and not self._tail.advance():
            os.truncate(self._output, 0)
            self._tail = Tail(self._output, self._send, is_new=True)


def _cores(count: int) -> Cores | None:
    """Cores for one process, others' turn by turn. They are nobody's alone: an idle service leaves them to jobs."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    here = sorted(os.sched_getaffinity(0))
    if count >= len(here):
        return None
    turn = next(_turns) * count
    return Cores([here[(turn + number) % len(here)] for number in range(count)], [])
