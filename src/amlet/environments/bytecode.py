"""Byte code: what no job has imported yet is compiled in the background, so that no later start pays for it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from amlet.environments.follow import builder_mark
from amlet.environments.once import is_whole
from amlet.environments.uv_program import child_variables

DONE = ".amlet-compiled"
"""In a build that was gone through to its end."""

QUIET_S = 5.0
"""From a build's first use to its turn: what the first job imports is compiled by importing it."""

_LOCK = ".compiling"
_LOOK_S = 1.0
_CHILD = Path(__file__).with_name("bytecode_child.py")


class ByteCode:
    """Compiles builds by turns, one at a time in all processes that share the folder.

    The work is done by a process of the build's own Python that gets only the time that nobody else wants, and that
    ends with this one; whoever uses the build next takes it up again.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._asked: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._known: set[Path] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def want(self, build: Path) -> None:
        """Have a build compiled some time. Returns at once; safe from any thread."""
        if build in self._known or (build / DONE).exists():
            return
        with self._lock:
            if build in self._known:
                return
            self._known.add(build)
            self._asked.put(build)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="byte-code", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End what is at work; blocks until it is gone."""
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._asked.put(Path())
            thread.join()

    def _work(self) -> None:
        while not self._closed.is_set():
            build = self._asked.get()
            if self._closed.wait(QUIET_S):
                return
            # Removed meanwhile, or on a disk that is full: the next process that uses it tries again.
            with contextlib.suppress(OSError):
                if compile_build(build, self._root, self._closed):
                    self._known.discard(build)  # it may be removed, and made and wanted again


def compile_build(build: Path, root: Path, ended: threading.Event) -> bool:
    """Compile a build, unless that was done. Blocks; waits while another process compiles one of this folder's.

    Args:
        root: The folder of environments.
        ended: Set when it is to be given up.

    Returns:
        Whether the build is compiled now.
    """
    with _turn(root, ended):
        if ended.is_set() or not is_whole(build):
            return False
        if (build / DONE).exists():
            return True
        child = subprocess.Popen(
            # Nothing of the build is imported: neither its .pth files nor the variables of whoever started us.
            [str(build / "bin" / "python"), "-I", "-S", str(_CHILD), str(build / "lib")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={**child_variables(os.environ), **builder_mark()},
            start_new_session=True,
        )
        try:
            while child.poll() is None and not ended.wait(_LOOK_S):
                pass
        finally:
            assert child.stdin is not None
            child.stdin.close()
            child.kill()
            code = child.wait()
        if code != 0 or not is_whole(build):
            return False
        (build / DONE).touch()
        return True


@contextlib.contextmanager
def _turn(root: Path, ended: threading.Event) -> Iterator[None]:
    descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not ended.is_set():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                ended.wait(_LOOK_S)
        yield
    finally:
        os.close(descriptor)
