"""Warm starts: runs forked from a process that has imported already what their script imports.

A parent serves one set of imports in one build with one set of variables. What could tell a fork from a process that
was just started gets a cold start, and the run is told why.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import StorageFailed
from amlet.base.paths import owner_only
from amlet.node.imports import Imports, imports_of
from amlet.node.processes import JobProcess
from amlet.node.warm_parent import LONGEST_REQUEST, ParentStart, Stopped, WarmChild, WarmParent
from amlet.runtime.attempt import JobFile, write_json

SWITCH = "AMLET_WARM_START"
"""0 in the node's variables, the environment's or the run's: every start is cold."""

JOIN_S = 2.0
"""For a parent that was killed: its memory is given back first."""

MOST_PARENTS = 4
IDLE_S = 600.0
PATIENCE_S = 60.0
"""For a parent's imports: they take as long as the run's own would."""

KEEP_S = 5.0
"""Between two looks at what may end."""

LEAST_FREE_BYTES = 1 << 30
LEAST_FREE_SHARE = 0.1
"""Of the machine's memory: with less than either, idle parents end."""

MEMINFO = Path("/proc/meminfo")

MOST_LEARNED = 64
MOST_REFUSED = 256
MOST_FAILURES = 3

READ_AT_LOAD = (
    *("BLIS_", "GOMP_", "GOTO_", "KMP_", "MKL_", "NUMEXPR_", "OMP_", "OPENBLAS_", "VECLIB_"),
    *("CUDA_", "NVIDIA_", "GLIBC_TUNABLES", "LD_", "MALLOC_", "PYTHON"),
)
"""Beginnings of variables that a process, its memory or its mathematics read once, as they are loaded."""

log = logging.getLogger("amlet.node")


class WarmStart(NamedTuple):
    """A job to start."""

    python: Path
    fixed: bool
    """Nobody changes the interpreter's packages: a build of ours."""
    job: JobFile
    folder: Path
    """The attempt's, where `job.json` lies."""
    work: Path
    output: Path
    variables: Mapping[str, str]
    """All that the script is to see, in the order in which a process gets them."""
    per_run: Collection[str]
    """Names of those that each run has of its own."""
    user: Mapping[str, str]
    """Those that the user set."""
    cores: Collection[int]
    """Those that it is bound to; none for all."""


class WarmStarted(NamedTuple):
    """A job that was started."""

    process: JobProcess
    imports_s: float
    """How long it waited for its parent's imports; next to nothing when the parent was there."""


class WarmPool:
    """The warm parents of a node. Safe to use from any thread."""

    def __init__(self, folder: Path, sdk: Path, *, idle_s: float = IDLE_S, meminfo: Path = MEMINFO) -> None:
        """
        Args:
            idle_s: A parent that nobody has used for so long ends.
            meminfo: Where the kernel tells how much memory is left.
        """
        shutil.rmtree(folder, ignore_errors=True) if not (folder / "learned.json").exists() else None
        self._folder = owner_only(folder)
        self._sdk = sdk
        self._idle_s = idle_s
        self._meminfo = meminfo
        self._lock = threading.Lock()
        self._parents: dict[str, WarmParent] = {}
        self._refused: OrderedDict[str, str] = OrderedDict()
        self._failures: dict[str, int] = {}
        self._unlearning: set[str] = set()
        self._learned: OrderedDict[str, list[str]] = OrderedDict(self._read_learned())
        self._number = 0
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None
        self._unable = _why_unable()
        for left in self._folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)

    def start(self, asked: WarmStart, stopped: Callable[[], bool] = lambda: False) -> WarmStarted | str:
        """Start a job in a fork.

        Args:
            stopped: whether the caller no longer wants it; asked while imports go on.

        Returns:
            The process, noted in the attempt's folder as `JobProcess.start` does; or why this job must start cold.
            Nothing of it runs then, and nothing will.

        Raises:
            StorageFailed: the process cannot be noted.
        """
        why_not = self._unable or _why_cold(asked)
        if why_not:
            return why_not
        script = asked.work / (asked.job.script or "")
        imports = imports_of(script)
        if imports is None:
            return "its script cannot be read as Python"
        if not imports.first:
            return "it imports no package that takes time"
        request = _request(asked, script, self._sdk)
        if len(json.dumps(request)) > LONGEST_REQUEST:
            return "its variables are too long"
        imports_s = 0.0
        try:
            for _ in range(2):
                child, waited_s = self._fork(asked, imports, request, stopped)
                imports_s += waited_s
                if child is not None:
                    break
            else:
                return "its warm parent ended"
        except Stopped:
            return "it is no longer wanted"
        except StorageFailed as error:
            return str(error)
        if isinstance(child, str):
            return child
        return WarmStarted(JobProcess.noted(child.mark, child, asked.folder), imports_s)

    def close(self) -> None:
        """End all parents; runs that they have forked go on."""
        self._closed.set()
        with self._lock:
            parents = list(self._parents.values())
            self._parents.clear()
        for parent in parents:
            parent.close()
        for parent in parents:
            parent.join(JOIN_S)

    def pids(self) -> list[int]:
        """Of the parents that are."""
        with self._lock:
            return [parent.pid for parent in self._parents.values() if not parent.gone]

    def keep(self) -> None:
        """End parents that nobody has used for long, and all idle ones when memory is short."""
        short = _memory_is_short(self._meminfo)
        with self._lock:
            over = {
                key: parent
                for key, parent in self._parents.items()
                if parent.gone or (parent.idle and (short or time.monotonic() - parent.used > self._idle_s))
            }
            for key in over:
                del self._parents[key]
        for parent in over.values():
            parent.close()

    def _fork(
        self, asked: WarmStart, imports: Imports, request: Mapping[str, object], stopped: Callable[[], bool]
    ) -> tuple[WarmChild | str | None, float]:
        """The run, or why it must start cold, or None when another parent may do; and the seconds of imports."""
        shared = {name: text for name, text in asked.variables.items() if name not in asked.per_run}
        told = [str(asked.python), str(self._sdk), sorted(shared.items()), imports.first, imports.later]
        key = hashlib.sha256(json.dumps(told).encode("ascii")).hexdigest()
        if key in self._refused:
            return self._refused[key], 0.0
        began = time.monotonic()
        parent = self._parent(key, asked, imports, shared)
        ready = parent.wait_ready(PATIENCE_S, stopped)
        imports_s = time.monotonic() - began
        if parent.refused or parent.failed:
            return self._blame(key, parent), imports_s
        if not ready and not parent.gone:
            return f"its packages take longer than {PATIENCE_S:.0f} s to import", imports_s
        child = parent.fork(request, asked.folder / "started") if ready else None
        if parent.left:
            with self._lock:
                self._unlearning.add(key)
                self._learned.pop(key, None)
        return (child if child is not None or not parent.failed else self._blame(key, parent)), imports_s

    def _blame(self, key: str, parent: WarmParent) -> str:
        with self._lock:
            self._parents.pop(key, None)
            if parent.refused is None:
                self._failures[key] = self._failures.get(key, 0) + 1
                if self._failures[key] < MOST_FAILURES:
                    return parent.failed or ""
            if self._learned.pop(key, None) is not None:  # it may be what it had learned
                self._unlearning.add(key)
                return parent.refused or parent.failed or ""
            why = parent.refused or parent.failed or ""
            self._refused[key] = why
            while len(self._refused) > MOST_REFUSED:
                self._refused.popitem(last=False)
        return why

    def _parent(self, key: str, asked: WarmStart, imports: Imports, shared: Mapping[str, str]) -> WarmParent:
        with self._lock:
            held = self._parents.pop(key, None)
            if held is not None and not held.gone:
                self._parents[key] = held  # the one used last comes last
                return held
            idle = [name for name, parent in self._parents.items() if parent.idle]
            while len(self._parents) >= MOST_PARENTS and idle:
                self._parents.pop(idle.pop(0)).close()
            self._number += 1
            arguments = _arguments(asked, self._sdk)
            made = WarmParent(
                ParentStart(
                    python=asked.python,
                    sdk=self._sdk,
                    variables=_with_one_thread(shared),
                    statements=[(text.split()[1].partition(".")[0], text) for text in imports.first],
                    learned=self._learned.get(key, []),
                    fixed=asked.fixed,
                    arguments_bytes=sum(len(os.fsencode(part)) + 1 for part in arguments),
                    variables_bytes=sum(len(os.fsencode(f"{k}={v}")) + 1 for k, v in asked.variables.items()),
                ),
                self._folder / str(self._number),
                lambda parent: self._learn(key, parent),
            )
            self._parents[key] = made
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep_on, name="warm-pool", daemon=True)
                self._keeper.start()
            return made

    def _learn(self, key: str, parent: WarmParent) -> None:
        with self._lock:
            if key in self._unlearning:
                return
            self._learned[key] = list(dict.fromkeys([*self._learned.pop(key, []), *parent.learned]))
            while len(self._learned) > MOST_LEARNED:
                self._learned.popitem(last=False)
            with contextlib.suppress(OSError):
                write_json(self._folder / "learned.json", self._learned)

    def _read_learned(self) -> dict[str, list[str]]:
        try:
            found = json.loads((self._folder / "learned.json").read_text())
            return {str(key): [str(name) for name in names] for key, names in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def _keep_on(self) -> None:
        while not self._closed.wait(KEEP_S):
            try:
                self.keep()
            except OSError as error:
                log.info("warm parents: %s", error)


def _why_unable() -> str | None:
    """Why this machine cannot fork runs."""
    if sys.platform != "linux":
        return "warm starts need Linux"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return "this system has no process handles (Linux 5.3)"
    return None


def _why_cold(asked: WarmStart) -> str | None:
    if asked.variables.get(SWITCH) == "0":
        return f"{SWITCH}=0"
    if asked.job.script is None:
        return "it is a command"
    for name in asked.user:
        if name.startswith(READ_AT_LOAD):
            return f"its variable {name} is read as a process or a library is loaded"
    return None


def _arguments(asked: WarmStart, sdk: Path) -> list[str]:
    """The command line of a cold start."""
    return [str(asked.python), str(sdk / "amlet" / "runtime" / "bootstrap.py"), str(asked.folder)]


def _request(asked: WarmStart, script: Path, sdk: Path) -> dict[str, object]:
    return {
        "arguments": _arguments(asked, sdk),
        "variables": dict(asked.variables),
        "cwd": str(asked.work),
        "script_folder": str(script.resolve().parent),
        "output": str(asked.output),
        "cores": sorted(asked.cores),
    }


def _with_one_thread(variables: Mapping[str, str]) -> dict[str, str]:
    """OpenBLAS starts its threads as it is loaded; all others wait for the first use.

    The number is written as wide as the one that forks get, so that what comes after it lies where it lay. And a thread
    of OpenBLAS's turns for 2**26 ticks before it sleeps: in a fork, whose every page is copied at the first touch, each
    copy then has to be told to that thread's core, which doubles the time of a small run. 2**20 is half a millisecond.
    """
    width = len(variables.get("OPENBLAS_NUM_THREADS", ""))
    return {**variables, "OPENBLAS_NUM_THREADS": "1".rjust(width, "0"), "OPENBLAS_THREAD_TIMEOUT": "20"}


def _memory_is_short(meminfo: Path) -> bool:
    figures = {}
    try:
        with meminfo.open() as file:
            for line in file:
                name, _, text = line.partition(":")
                if name in ("MemTotal", "MemAvailable"):
                    figures[name] = int(text.split()[0]) * 1024
    except (OSError, ValueError):
        return False
    free = figures.get("MemAvailable")
    return free is not None and (free < LEAST_FREE_BYTES or free < LEAST_FREE_SHARE * figures.get("MemTotal", 0))
