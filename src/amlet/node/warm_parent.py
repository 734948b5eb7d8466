"""One warm parent as the node sees it: a process that imports once and forks runs when it is asked."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from amlet.base.errors import StorageFailed
from amlet.base.machine import boot_id
from amlet.base.paths import owner_only
from amlet.runtime.process import ProcessMark

PIPE_BYTES = 1 << 20
LONGEST_REQUEST = 800_000
"""A request is written in one piece, while the parent may be busy."""

SLACK_BYTES = 2048
"""Variables of later runs may be so much longer than those of the first."""

ANSWER_S = 30.0
"""For a fork that has been asked for: an answer takes milliseconds, unless the parent imports something."""

TOLD_S = 2.0
"""Between the end of a run and its parent's word of it."""

log = logging.getLogger("amlet.node")


class Stopped(Exception):
    """Whoever waited no longer wants it."""


class ParentStart(NamedTuple):
    """What a parent is started with."""

    python: Path
    sdk: Path
    variables: Mapping[str, str]
    """Of its process: those that all its runs have."""
    statements: Sequence[tuple[str, str]]
    """Top package and import statement."""
    learned: Sequence[str]
    fixed: bool
    arguments_bytes: int
    variables_bytes: int
    """The room that /proc is to show of a run."""


class WarmChild:
    """A run that a parent has forked; stands where a child of ours would."""

    def __init__(self, parent: WarmParent, mark: ProcessMark) -> None:
        self.mark = mark
        self._parent = parent
        self._code: int | None = None

    def poll(self) -> int | None:
        """How it ended: an exit code, or a signal's number less than 0; 0 when nobody knows; None while it runs."""
        if self._code is None and not self.mark.is_alive():
            status = self._parent.status_of(self.mark.pid)
            self._code = 0 if status is None else os.waitstatus_to_exitcode(status)
        return self._code


class WarmParent:
    """Safe to use from any thread."""

    def __init__(self, asked: ParentStart, folder: Path, on_learned: Callable[[WarmParent], None]) -> None:
        self.folder = owner_only(folder)
        self.used = time.monotonic()
        self.refused: str | None = None
        """Why it cannot serve, nor could another one."""
        self.failed: str | None = None
        """Why it does not serve, though another one might."""
        self.left: str | None = None
        """Why it ended though it could serve: what it had learned."""
        self.learned: list[str] = []
        self._on_learned = on_learned
        self._changed = threading.Condition()
        self._ready = False
        self._gone = False
        self._number = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._awaited = 0
        """How many wait until it can fork."""
        self._waiting: set[int] = set()
        self._running: set[int] = set()
        self._ended: dict[int, int] = {}
        self._process, self._requests, answers = self._launch(asked)
        threading.Thread(target=self._listen, args=(answers,), name="warm-parent", daemon=True).start()
        self._send(
            {
                "statements": [list(pair) for pair in asked.statements],
                "learned": list(asked.learned),
                "fixed": asked.fixed,
            }
        )

    @property
    def gone(self) -> bool:
        return self._gone

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def idle(self) -> bool:
        """Whether nobody waits for it and none of its runs goes on."""
        with self._changed:
            return not self._awaited and not self._waiting and not self._running

    def wait_ready(self, timeout_s: float, stopped: Callable[[], bool]) -> bool:
        """Wait until it can fork or has ended; whether it can.

        Raises:
            Stopped: the caller's own reason.
        """
        with self._changed:
            self._awaited += 1
        try:
            return self._wait(lambda: self._ready or self._gone, timeout_s, stopped) and self._ready and not self._gone
        finally:
            with self._changed:
                self._awaited -= 1
                self.used = time.monotonic()

    def fork(self, request: Mapping[str, Any], claim: Path) -> WarmChild | str | None:
        """Start a run.

        Args:
            claim: a file that is not there yet. Who makes it decides whether the run is the fork's or the caller's.

        Returns:
            The run; or why this one must start cold; or None when the parent is gone or of no use any more.
        """
        with self._changed:
            self._number += 1
            number = self._number
            self._waiting.add(number)
        self.used = time.monotonic()
        try:
            self._send({**request, "id": number, "claim": str(claim), "notes": str(self.folder)})
            self._wait(lambda: number in self._answers or self._gone, ANSWER_S, lambda: False)
            if number not in self._answers:
                if not self._gone:
                    self.failed = f"its warm parent did not answer within {ANSWER_S:.0f} s"
                self.close()
                if _claimed(claim):
                    return None
                # The fork has it: it tells so next, or has died.
                self._wait(lambda: number in self._answers or self._gone, TOLD_S, lambda: False)
            told = self._answers.pop(number, None)
        finally:
            with self._changed:
                self._waiting.discard(number)
        self.used = time.monotonic()
        if told is None or told.get("stale"):
            self.close()
            return None
        if "cold" in told:
            return str(told["cold"])
        return WarmChild(self, ProcessMark(int(told["pid"]), int(told["started"]), boot_id()))

    def status_of(self, pid: int) -> int | None:
        """The wait status of a run that has ended; None when the parent ended before it."""
        self._wait(lambda: pid in self._ended or self._gone, TOLD_S, lambda: False)
        with self._changed:
            return self._ended.pop(pid, None)

    def close(self) -> None:
        """End the parent; its runs go on."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL) if self._process.poll() is None else None
        with self._changed:
            self._ready = False
            if self._requests is not None:
                os.close(self._requests)
                self._requests = None

    def join(self, timeout_s: float) -> None:
        """Wait until its process is gone, but no longer than so."""
        self._wait(lambda: self._gone, timeout_s, lambda: False)

    def _launch(self, asked: ParentStart) -> tuple[subprocess.Popen[bytes], int | None, int]:
        nowhere = self.folder / f"nowhere-{uuid.uuid4().hex}"
        nowhere.mkdir()
        theirs, requests = os.pipe()
        answers, told = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(requests, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        argv = [str(asked.python), str(asked.sdk / "amlet" / "runtime" / "bootstrap.py"), f"warm:{theirs}:{told}:"]
        argv[2] += "-" * max(0, asked.arguments_bytes - sum(len(os.fsencode(part)) + 1 for part in argv))
        bare = sum(len(os.fsencode(f"{name}={text}")) + 1 for name, text in asked.variables.items())
        room = "-" * max(0, asked.variables_bytes + SLACK_BYTES - bare)
        try:
            with (self.folder / "printed.txt").open("ab") as printed:
                process = subprocess.Popen(
                    argv,
                    cwd=nowhere,
                    env={**asked.variables, "AMLET_WARM_ROOM": room},
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    start_new_session=True,
                    pass_fds=(theirs, told),
                )
        except OSError as error:
            os.close(requests)
            os.close(answers)
            raise StorageFailed.from_os_error(error, error.filename or self.folder) from error
        finally:
            os.close(theirs)
            os.close(told)
        return process, requests, answers

    def _send(self, request: Mapping[str, Any]) -> None:
        data = json.dumps(request).encode("ascii") + b"\n"
        with self._changed:
            if self._requests is None:
                return
            with contextlib.suppress(OSError):  # it has ended: its answers tell so
                os.write(self._requests, data)

    def _listen(self, answers: int) -> None:
        with os.fdopen(answers, "rb") as lines:
            for line in lines:
                try:
                    self._take(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    log.warning("a warm parent answered %.200r: %s", line, error)
        code = self._process.wait()
        with self._changed:
            if not self._ready and not self.refused and self._requests is not None:
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                self.failed = f"its warm parent ended with {how} while it imported"
            self._gone = True
            self._changed.notify_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _take(self, told: dict[str, Any]) -> None:
        learned = False
        with self._changed:
            if "ready" in told:
                self._ready = True
            elif "refused" in told:
                self.refused = told["refused"]
            elif "leaving" in told:
                self.left = told["leaving"]
            elif "ended" in told:
                pid = int(told["ended"])
                if pid in self._running:
                    self._running.discard(pid)
                    self._ended[pid] = int(told["status"])
                self.used = time.monotonic()
            elif "learned" in told:
                learned = True
            else:
                number = int(told["request"])
                if number in self._waiting:
                    self._answers[number] = told
                if "pid" in told:
                    self._running.add(int(told["pid"]))
            self._changed.notify_all()
        if learned:
            with contextlib.suppress(OSError, ValueError):
                self.learned = (self.folder / "learned.txt").read_text(encoding="utf-8").split()
                self._on_learned(self)

    def _wait(self, done: Callable[[], bool], timeout_s: float, stopped: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not done():
                if stopped():
                    raise Stopped
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.1))
            return True


def _claimed(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True
