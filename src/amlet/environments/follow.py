"""A program run to its end, its lines passed on as they come: uv, a program of conda's, a container program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple

from amlet.base.errors import EnvironmentFailed
from amlet.base.units import human_seconds
from amlet.runtime.process import mark_of

BUILDER = "AMLET_BUILDER"
"""In a program's environment: the process that started it, as pid and start time."""

KEPT_LINES = 2_000
ANSWER_LIMIT_BYTES = 256 << 20


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    lines: list[str]
    """The last lines that were followed, without logins."""
    answer: str
    """Its standard output, where that is not among them."""


def follow(
    argv: Sequence[str],
    log: Callable[[str], None],
    *,
    variables: Mapping[str, str],
    timeout_s: float,
    look_at: str,
    question: str = "",
    public: Callable[[str], str] = str,
    with_output: bool = False,
) -> Ended:
    """Run a program in a process group of its own that never outlives this call, in a neutral folder: many read the
    settings of a project that they are started in.

    Args:
        log: Gets every line of its standard error as it comes.
        variables: All that it sees.
        timeout_s: It is ended after this long.
        look_at: What to check when it takes too long: `the connection to the package index`.
        question: Its standard input.
        public: Takes the logins out of a line.
        with_output: Follow its standard output too; else that is the answer.

    Raises:
        EnvironmentFailed: it took longer than `timeout_s`, or a signal ended it.
    """
    name = os.path.basename(argv[0])  # noqa: PTH119 - of a program's path as it was given
    lines: list[str] = []
    answer: list[str] = []
    with tempfile.TemporaryDirectory(prefix="amlet-run-") as folder, tempfile.TemporaryFile("w+") as asked:
        asked.write(question)
        asked.seek(0)
        process = subprocess.Popen(
            argv,
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if with_output else subprocess.PIPE,
            cwd=folder,
            env=dict(variables),
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None
        followed = process.stderr or process.stdout
        reader = threading.Thread(target=_read, args=(process.stdout, answer), daemon=True)
        if not with_output:
            reader.start()
        late = threading.Event()

        def end_late() -> None:
            late.set()
            _end(process)

        timer = threading.Timer(timeout_s, end_late)
        timer.daemon = True
        timer.start()
        try:
            for raw in followed:
                line = public(raw.rstrip())
                if line:
                    log(line)
                    lines.append(line)
                    del lines[:-KEPT_LINES]
            code = process.wait()
            if not with_output:
                reader.join()
        except BaseException:
            _end(process)
            raise
        finally:
            timer.cancel()
            followed.close()
            process.stdout.close()
    if late.is_set():
        raise EnvironmentFailed(f"{name} did not end within {human_seconds(timeout_s)}.", hint=f"check {look_at}.")
    if code < 0:
        raise EnvironmentFailed(
            f"{name} was ended by signal {-code} before it was done.",
            hint="submit again; if it is ended again, the machine may have run out of memory.",
        )
    return Ended(code, lines, "".join(answer))


def builder_mark() -> dict[str, str]:
    """The variable that tells who started a program, for whoever looks for what a killed process left."""
    own = mark_of()
    return {BUILDER: f"{own.pid} {own.started}"}


def _read(stream: IO[str], into: list[str]) -> None:
    size = 0
    with contextlib.suppress(ValueError):  # closed when the process was ended
        while chunk := stream.read(1 << 20):
            size += len(chunk)
            if size <= ANSWER_LIMIT_BYTES:
                into.append(chunk)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
