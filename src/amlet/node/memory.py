"""The memory of a job: looked at twice a second, and the job ended when it has more than its share."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterable
from typing import NamedTuple

from amlet.base.units import human_bytes
from amlet.runtime.process import ProcessMark

LOOK_S = 0.5

WHOLE = 0.9
"""A share of so much of the machine is the machine: there the kernel decides what is too much."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Overrun(NamedTuple):
    """A job that wanted more than it may have."""

    used_bytes: int
    limit_bytes: int

    @property
    def sentence(self) -> str:
        used, limit = human_bytes(self.used_bytes), human_bytes(self.limit_bytes)
        return (
            f"The run was ended, out of memory: used {used} of {limit}. A compute target of a larger vm_size, or of "
            "fewer nodes, gives it more."
        )


class MemoryWatch(threading.Thread):
    """Sums up what the processes of a job hold; over the limit it kills the job's group.

    Not by RLIMIT_AS: what mathematics libraries reserve and never touch counts there.
    """

    def __init__(self, leader: ProcessMark, limit_bytes: int | None) -> None:
        """Without a limit it only looks."""
        super().__init__(name=f"memory-{leader.pid}", daemon=True)
        self._leader = leader
        self._limit_bytes = limit_bytes
        self._ended = threading.Event()
        self.overrun: Overrun | None = None
        self.peak_bytes = 0

    def run(self) -> None:
        while not self._ended.wait(LOOK_S) and self._leader.is_alive():
            self.look()

    def look(self) -> None:
        """Look once."""
        members = members_of(self._leader.pid)
        used_bytes = resident_bytes(members)
        if self._limit_bytes is not None and used_bytes > self._limit_bytes:
            # What forked processes share counts for each of them so far; the exact figure costs more.
            used_bytes = proportional_bytes(members)
        self.peak_bytes = max(self.peak_bytes, used_bytes)
        if self._limit_bytes is not None and used_bytes > self._limit_bytes and self._leader.is_alive():
            self.overrun = Overrun(used_bytes, self._limit_bytes)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._leader.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the looking."""
        self._ended.set()
        if self.is_alive():
            self.join()


def members_of(leader: int) -> set[int]:
    """The processes of a job: its session and its group, and what they started, also in sessions of their own."""
    children: dict[int, list[int]] = {}
    found: set[int] = set()
    for pid, parent, group, session in _processes():
        children.setdefault(parent, []).append(pid)
        if leader in (pid, group, session):
            found.add(pid)
    waiting = list(found)
    while waiting:
        for pid in children.get(waiting.pop(), []):
            if pid not in found:
                found.add(pid)
                waiting.append(pid)
    return found


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory that these processes hold, each counted alone. Cheap."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            pages += int(_read(f"/proc/{pid}/statm").split()[1])
    return pages * _PAGE_BYTES


def proportional_bytes(pids: Iterable[int]) -> int:
    """The same with what they share counted once."""
    total = 0
    for pid in pids:
        try:
            lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
            total += next(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"Pss:"))
        except (OSError, StopIteration, ValueError):
            total += resident_bytes([pid])
    return total


def limit_of(share_bytes: int) -> int | None:
    """What the watch holds a share to; None for a share that is the whole machine."""
    return share_bytes if share_bytes < WHOLE * machine_bytes() else None


def machine_bytes() -> int:
    """The memory of this machine."""
    return _PAGE_BYTES * os.sysconf("SC_PHYS_PAGES")


def kernel_kills() -> int:
    """How many processes the kernel has ended on this machine for want of memory; 0 where it does not tell."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = _read("/proc/vmstat").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(b"oom_kill "))
    return 0


def _processes() -> Iterable[tuple[int, int, int, int]]:
    """(process, parent, group, session) of every process."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - twice a second
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name stands in parentheses and may itself hold blanks and parentheses.
                fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
                yield int(name), int(fields[1]), int(fields[2]), int(fields[3])


def _read(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 1 << 16)
    finally:
        os.close(handle)
