"""Control groups of jobs: the kernel's own limits on memory and processor time, where we may make groups at all.

Being able to write there is not leave to do so: root always is, and a service manager or container runtime keeps its
own order below its groups. So a group is divided only when it was handed over: named by AMLET_CGROUP, or marked by
systemd (`Delegate=yes`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from amlet.domain.job import Share

VARIABLE = "AMLET_CGROUP"
"""The path of the group to divide, as /proc/self/cgroup spells it: `/amlet.slice`."""

ROOT = Path("/sys/fs/cgroup")
PREFIX = "amlet-"
PERIOD_US = 100_000
LEFT_OVER_S = 60.0
"""An empty group of ours that is older was left by a node that was killed."""

REMOVE_S = 2.0

log = logging.getLogger("amlet.node")


class Cgroup:
    """The group of one job: one folder with version 2, one a controller with version 1."""

    def __init__(self, memory: Path, processor: Path | None) -> None:
        self._memory = memory
        self._processor = processor
        self._kills_before = self._kills()

    def add(self, pid: int) -> None:
        """Put a process, and what it starts from now on, under the limits."""
        for folder in self._folders():
            try:
                (folder / "cgroup.procs").write_text(str(pid))
            except OSError as error:
                log.info("process %s has no limits of the kernel's: %s", pid, error)

    @property
    def kills(self) -> int:
        """How many of its processes the kernel has ended for want of memory."""
        return self._kills() - self._kills_before

    def remove(self) -> None:
        """Let it go; its processes have ended, or end now."""
        deadline = time.monotonic() + REMOVE_S
        for folder in self._folders():
            while True:
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.01)

    def _folders(self) -> set[Path]:
        return {self._memory} | ({self._processor} if self._processor else set())

    def _kills(self) -> int:
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError, ValueError):
                for line in (self._memory / name).read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0


def make_cgroup(
    name: str, share: Share, *, memory_bytes: int | None, variables: Mapping[str, str] | None = None, root: Path = ROOT
) -> Cgroup | None:
    """A group with a job's limits, or the one that it has; None where none was handed over to us.

    Args:
        memory_bytes: None for no limit of its own.
    """
    parent = _handed_over(os.environ if variables is None else variables, root)
    if parent is None:
        return None
    try:
        return _make(PREFIX + name, parent, share, memory_bytes, root)
    except OSError as error:
        log.info("no control group for a job below %s: %s", parent, error)
        return None


def _make(name: str, parent: str, share: Share, memory_bytes: int | None, root: Path) -> Cgroup:
    quota = str(share.cores * PERIOD_US)
    if (root / "cgroup.controllers").exists():
        above = _below(root, parent)
        _sweep(above)
        (above / "cgroup.subtree_control").write_text("+memory +cpu")
        group = above / name
        group.mkdir(exist_ok=True)
        (group / "memory.max").write_text("max" if memory_bytes is None else str(memory_bytes))
        (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        with contextlib.suppress(OSError):  # since Linux 4.19
            (group / "memory.oom.group").write_text("1")
        return Cgroup(group, None)
    made = []
    for controller in ("memory", "cpu"):
        above = _below(root / controller, parent)
        _sweep(above)
        made.append(above / name)
        made[-1].mkdir(exist_ok=True)
    memory, processor = made
    (memory / "memory.limit_in_bytes").write_text("-1" if memory_bytes is None else str(memory_bytes))
    (processor / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (processor / "cpu.cfs_quota_us").write_text(quota)
    return Cgroup(memory, processor)


def _handed_over(variables: Mapping[str, str], root: Path) -> str | None:
    named = variables.get(VARIABLE)
    if named:
        return named
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    # With DelegateSubgroup= the service's own processes stand in a group below the one that is handed over.
    for path in (own, own.rpartition("/")[0] if own else None):
        if path and path != "/" and _is_delegated(_below(root, path)):
            return path
    return None


def _is_delegated(folder: Path) -> bool:
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _below(folder: Path, path: str) -> Path:
    return folder / path.strip("/")


def _sweep(above: Path) -> None:
    for folder in above.glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > LEFT_OVER_S:
                folder.rmdir()  # the kernel refuses it while a process is in it
