"""Cores of this machine: each goes to one job at a time, over all nodes of this user, also of other homes."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

MOST_SHARING = 16
"""So many jobs on one core are counted."""

log = logging.getLogger("amlet.node")


class Cores:
    """Cores that a job is bound to. They are held by locks, so that those of a killed node are free at once."""

    def __init__(self, numbers: Collection[int], handles: list[int]) -> None:
        self.numbers = frozenset(numbers)
        self._handles = handles

    @contextlib.contextmanager
    def inherited(self) -> Iterator[None]:
        """What this thread starts meanwhile is bound to these cores, from its first instruction on."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.numbers)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def bind(self, pid: int) -> None:
        """Bind a process that is there already."""
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(pid, self.numbers)

    def release(self) -> None:
        """Let others have them."""
        for handle in self._handles:
            os.close(handle)
        self._handles = []


def take_cores(count: int, *, of_process: int | None = None, folder: Path | None = None) -> Cores | None:
    """Cores that no other job has, as far as there are so many; None where processes cannot be bound.

    Args:
        of_process: A job that goes on: its own cores are taken again.
        folder: Where the locks lie.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    here = sorted(os.sched_getaffinity(0))
    if of_process is not None:
        with contextlib.suppress(ProcessLookupError):
            own = os.sched_getaffinity(of_process)
            here.sort(key=lambda number: number not in own)
    if count >= len(here):
        return Cores(here, [])
    try:
        return _locked(here, count, _checked(folder or _folder()))
    except OSError as error:
        log.info("jobs are not bound to cores: %s", error)
        return None


def _locked(here: list[int], count: int, folder: Path) -> Cores:
    # More jobs than cores - many small nodes, another home's: then some are shared, each by as few as can be.
    taken: dict[int, int] = {}
    for place in range(MOST_SHARING):
        for number in here:
            if len(taken) == count:
                break
            if number not in taken and (handle := _lock(folder / f"{number}-{place}.lock")) is not None:
                taken[number] = handle
    others = [number for number in here if number not in taken][: count - len(taken)]
    return Cores([*taken, *others], list(taken.values()))


def _lock(path: Path) -> int | None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"amlet-cores-{os.getuid()}"


def _checked(folder: Path) -> Path:
    """The folder of the locks stands where everybody may write: it must be ours."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not folder.is_dir() or folder.is_symlink():
        raise PermissionError(f"{folder} is not a folder of this user")
    return folder
