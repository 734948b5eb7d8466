"""Processes found by what stands in their environment: whoever started them may be gone, with all it knew of them."""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional

from amlet.runtime.process import ProcessMark, mark_of


class Marked(NamedTuple):
    """A process that lives, and the variables that it was started with."""

    mark: ProcessMark
    variables: Dict[str, str]


MANY = 2000
"""Numbers of processes that were given out meanwhile: to look through those that live is no more then."""


def marked(home: str, *, since: Optional[ProcessMark] = None) -> List[Marked]:
    """The processes of this user that bear AMLET_HOME=`home`, but this one. Without /proc: none.

    Args:
        since: Only those that were started after this one, which was started so lately that the numbers of processes
            cannot have gone round.
    """
    wanted = b"AMLET_HOME=" + os.fsencode(home)
    found = []
    for pid in _pids(since):
        if pid == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
                entries = file.read().split(b"\0")
        except OSError:
            continue  # another user's, or gone
        if wanted in entries:
            mark = mark_of(pid)
            pairs = (os.fsdecode(entry).partition("=") for entry in entries if entry)
            found.append(Marked(mark, {key: text for key, _, text in pairs}))
    return [process for process in found if process.mark.is_alive()]


def _pids(since: Optional[ProcessMark]) -> Iterable[int]:
    try:
        if since is not None and since.pid:
            with open("/proc/loadavg", "rb") as file:  # noqa: PTH123
                last = int(file.read().split()[-1])
            if since.pid <= last < since.pid + MANY:
                return range(since.pid + 1, last + 1)
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - pathlib is slow to import
    except OSError:
        return []


def end_marked(
    home: str, chosen: Callable[[Marked], bool], *, grace_s: float = 0.0, since: Optional[ProcessMark] = None
) -> int:
    """End processes of a home: SIGTERM and some time if there is a grace, then SIGKILL, until none is left.

    Args:
        since: See `marked`.

    Returns:
        How many there were.
    """
    count = 0
    deadline = time.monotonic() + grace_s
    asked = set()
    while True:
        left = [process.mark for process in marked(home, since=since) if chosen(process)]
        if not left:
            return count
        late = time.monotonic() >= deadline
        if time.monotonic() >= deadline + 5.0:
            return count  # one that hangs in the kernel: it dies when it comes back
        for mark in left:
            if late or mark not in asked:
                count += mark not in asked
                asked.add(mark)
                _signal(mark, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.02)


def _signal(mark: ProcessMark, number: int) -> None:
    if mark.is_alive():
        try:
            os.kill(mark.pid, number)
        except (ProcessLookupError, PermissionError):
            return
