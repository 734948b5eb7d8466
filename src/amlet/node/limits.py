"""What holds one job to its share: cores of its own, its memory watched, the kernel's limits where we may set them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from amlet.domain.job import Share
from amlet.node.cgroups import Cgroup, make_cgroup
from amlet.node.cores import Cores, take_cores
from amlet.node.memory import MemoryWatch, Overrun, kernel_kills, limit_of, machine_bytes
from amlet.runtime.process import ProcessMark


class Limits:
    """The limits of one attempt. Used by one thread.

    A process that is to be started under them starts within `starting`, or binds itself to the `cores`, and `hold`
    comes right after; one that is adopted needs `hold` alone.
    """

    def __init__(self, share: Share, name: str) -> None:
        """`name` names the attempt on this machine."""
        self._share = share
        self._name = name
        self._limit_bytes = limit_of(share.memory_bytes)
        self._cores: Cores | None = None
        self._cgroup: Cgroup | None = None
        self._watch: MemoryWatch | None = None
        self._kernel_kills = kernel_kills()

    def cores(self) -> Collection[int]:
        """The numbers of the attempt's own cores, taken at the first call; none where processes cannot be bound."""
        if self._cores is None:
            self._cores = take_cores(self._share.cores)
        return self._cores.numbers if self._cores is not None else ()

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """What is started meanwhile is bound to the attempt's cores."""
        if not self.cores() or self._cores is None:
            yield
            return
        with self._cores.inherited():
            yield

    def hold(self, leader: ProcessMark) -> None:
        """Hold a process, and all that it starts, to the share."""
        if not leader.is_alive():
            return
        if self._cores is None:
            self._cores = take_cores(self._share.cores, of_process=leader.pid)
            if self._cores is not None:
                self._cores.bind(leader.pid)
        self._cgroup = make_cgroup(self._name, self._share, memory_bytes=self._limit_bytes)
        if self._cgroup is not None:
            self._cgroup.add(leader.pid)
        self._watch = MemoryWatch(leader, self._limit_bytes)
        self._watch.start()

    def overrun(self, *, was_killed: bool) -> Overrun | None:
        """How the job exceeded its memory, if it did.

        Args:
            was_killed: It ended by SIGKILL, or nobody knows how: then it may have been the kernel.
        """
        if self._watch is None:
            return None
        if self._watch.overrun is not None:
            return self._watch.overrun
        limit_bytes = self._limit_bytes or machine_bytes()
        if self._cgroup is not None and self._cgroup.kills:
            return Overrun(max(self._watch.peak_bytes, limit_bytes), limit_bytes)  # it grew to it between two looks
        if was_killed and kernel_kills() > self._kernel_kills:
            return Overrun(self._watch.peak_bytes, limit_bytes)
        return None

    def close(self) -> None:
        """Let go of what was taken. The job has ended."""
        if self._watch is not None:
            self._watch.close()
        if self._cgroup is not None:
            self._cgroup.remove()
        if self._cores is not None:
            self._cores.release()
