"""Processes of jobs and replicas: groups of their own, watched and ended also by a node that did not start them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from amlet.base.errors import StorageFailed
from amlet.runtime.attempt import write_json
from amlet.runtime.process import ProcessMark, mark_of

GONE = ProcessMark(0, 0, "")
"""A process of which nothing but its result is left."""

MARK_FILE = "process.json"
KILL_AFTER_S = 10.0
"""Between SIGTERM and SIGKILL."""


P = TypeVar("P", bound="JobProcess")


class Child(Protocol):
    """A process whose end is told to us."""

    def poll(self) -> int | None:
        """Its exit code, or a signal's number less than 0; None while it runs."""


class JobProcess:
    """A process with its group. Used by one thread."""

    def __init__(self, mark: ProcessMark, child: Child | None) -> None:
        self.mark = mark
        self._child = child
        self._handle: int | None = None
        if self._child is not None or mark.is_alive():
            with contextlib.suppress(OSError):
                self._handle = os.pidfd_open(mark.pid)

    @classmethod
    def start(
        cls: type[P],
        arguments: Sequence[str],
        *,
        folder: Path,
        cwd: Path,
        variables: Mapping[str, str],
        output: Path,
        keep_fds: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> P:
        """Start a process in a session of its own, its output appended to a file, and note which it is in `folder`.

        Raises:
            StorageFailed: it cannot be started or noted; names the file. Nothing runs then.
        """
        try:
            file = output.open("ab")
        except OSError as error:
            raise StorageFailed.from_os_error(error, output) from error
        with file:
            try:
                child = subprocess.Popen(
                    arguments,
                    cwd=cwd,
                    env=dict(variables),
                    stdin=stdin,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                    pass_fds=keep_fds,
                )
            except OSError as error:
                raise StorageFailed(f"Cannot start {arguments[0]}: {os.strerror(error.errno or 0)}.") from error
        return cls.noted(mark_of(child.pid), child, folder)

    @classmethod
    def noted(cls: type[P], mark: ProcessMark, child: Child, folder: Path) -> P:
        """A process that has been started, once `folder` says which it is.

        Raises:
            StorageFailed: it cannot be noted. It has been ended.
        """
        try:
            write_json(folder / MARK_FILE, mark._asdict())
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(mark.pid, signal.SIGKILL)
            while child.poll() is None:
                time.sleep(0.001)  # SIGKILL is not refused
            if isinstance(error, OSError):
                raise StorageFailed.from_os_error(error, folder / MARK_FILE) from error
            raise
        return cls(mark, child)

    @classmethod
    def adopt(cls: type[P], folder: Path) -> P | None:
        """The process that an earlier node noted in the folder; None when it noted none."""
        try:
            mark = ProcessMark(**json.loads((folder / MARK_FILE).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return cls(mark, None)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of the process, at most so long; whether it has ended."""
        if self._handle is not None:
            poller = select.poll()
            poller.register(self._handle, select.POLLIN)
            poller.poll(timeout_s * 1000)
        elif self.is_alive():
            time.sleep(min(timeout_s, 0.05))  # a system without process handles
        return not self.is_alive()

    def is_alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self.mark.is_alive()

    def signal_number(self) -> int | None:
        """The signal that ended a child of ours; None when none did, or it is not ours to ask."""
        code = self._child.poll() if self._child is not None else None
        return -code if code is not None and code < 0 else None

    def reason(self) -> str | None:
        """Why it ended without a result, where more is known than a signal."""
        return None

    def terminate(self) -> None:
        """Ask the whole group to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End what is left of the group."""
        self._signal(signal.SIGKILL)

    def end(self, grace_s: float = KILL_AFTER_S) -> None:
        """Ask, wait, then end by force: afterwards nothing of the group is left."""
        self.terminate()
        deadline = time.monotonic() + grace_s
        while not self.wait(0.05) and time.monotonic() < deadline:
            pass
        self.kill()
        self.wait(1.0)

    def close(self) -> None:
        """Let the handle go; end stragglers that the process left in its group."""
        self.kill()
        if self._child is not None:
            self._child.poll()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _signal(self, number: int) -> None:
        # The group outlives its leader, so that children a script left behind are reached too. A group's number is
        # not given again while a member lives; with the leader gone and no member left, the call finds nothing.
        if self._child is not None or self.mark.is_alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.mark.pid, number)
