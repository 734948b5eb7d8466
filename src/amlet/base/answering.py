"""A process that answers calls: one JSON object a line each way, over its stdin and stdout.

For libraries that must not live in the server itself: they hang, they end their process, or they weigh too much.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, Callable, Dict, Mapping, Sequence, TextIO

LOG_LIMIT_BYTES = 8 << 20


class NoAnswer(Exception):
    """The process does not answer, has ended, or says no. A new one may fare better."""


class Answering:
    """One life of such a process, from the side of the one that asks. Used by one thread."""

    def __init__(self, arguments: Sequence[str], *, variables: Mapping[str, str], log: Path) -> None:
        """Start it; what it prints on stderr goes to the log, and its folder is the working folder.

        Raises:
            OSError: it cannot be started.
        """
        with contextlib.suppress(OSError):
            if log.stat().st_size > LOG_LIMIT_BYTES:
                log.replace(log.with_suffix(".old.log"))
        with log.open("ab") as file:
            self._child = subprocess.Popen(
                arguments,
                cwd=log.parent,
                env=dict(variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,
            )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._input: IO[bytes] = self._child.stdin
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self._child.stdout,), name="answers", daemon=True)
        self._reader.start()
        self._log = log

    def call(self, call: str, timeout_s: float, /, **arguments: Any) -> Any:
        """Ask and wait for the answer.

        Raises:
            NoAnswer: there is none in time, or it is an error. The process is of no use any more.
        """
        try:
            self._input.write(json.dumps({"call": call, **arguments}).encode() + b"\n")
            self._input.flush()
            line = self._lines.get(timeout=timeout_s)
        except OSError:
            line = b""
        except queue.Empty:
            raise NoAnswer(f"it has not answered for {timeout_s:.0f} s") from None
        if not line:
            raise NoAnswer(self._last_words())
        told = json.loads(line)
        if "error" in told:
            raise NoAnswer(told["error"])
        return told["answer"]

    def close(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            self._child.wait(2.0)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._reader.join(5.0)
        if self._child.stdout is not None:
            self._child.stdout.close()

    def _read(self, output: IO[bytes]) -> None:
        for line in output:
            self._lines.put(line)
        self._lines.put(b"")

    def _last_words(self) -> str:
        """Of a process that has ended: it says why in its log."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(5.0)
        said = ""
        with contextlib.suppress(OSError, IndexError), self._log.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 2_000))
            said = log.read().decode(errors="replace").strip().splitlines()[-1]
        return f"the process ended with {self._child.returncode}: {said[:500]}"


def answer_calls(calls: Callable[[str], Callable[..., Any]]) -> None:
    """The other side: answer what comes on stdin until it ends; then end this process, whatever it does.

    What libraries print goes to stderr, never among the answers.

    Args:
        calls: What to call for a name.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_feed, args=(lines,), daemon=True).start()
    while True:
        asked = json.loads(lines.get())
        _answer(answers, calls, asked)


def _answer(answers: TextIO, calls: Callable[[str], Callable[..., Any]], asked: Dict[str, Any]) -> None:
    try:
        told = {"answer": calls(asked.pop("call"))(**asked)}
    except Exception as error:  # noqa: BLE001 - a library's own, whatever they are
        told = {"error": f"{type(error).__name__}: {error}"[:2000]}
    answers.write(json.dumps(told) + "\n")
    answers.flush()


def _feed(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)  # who asks is gone; a call that hangs must not keep this process
