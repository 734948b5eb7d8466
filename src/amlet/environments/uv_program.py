"""The uv program: found, and run with its output passed on line by line."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import EnvironmentFailed
from amlet.environments.requirements import without_credentials
from amlet.runtime.marked import Marked, end_marked
from amlet.runtime.process import ProcessMark, boot_id, mark_of

TIMEOUT_S = 15 * 60
BUILDER = "AMLET_BUILDER"
"""In uv's environment: the process that started it, as pid and start time."""

_KEPT_LINES = 2_000

_DROPPED = re.compile(
    # What would make uv look at another Python or environment than the one we name,
    r"VIRTUAL_ENV|CONDA_PREFIX|CONDA_DEFAULT_ENV|PYTHON(PATH|HOME|DONTWRITEBYTECODE|STARTUP|EXECUTABLE)|__PYVENV_LAUNCHER__"
    r"|UV_(PYTHON|MANAGED_PYTHON|NO_MANAGED_PYTHON|SYSTEM_PYTHON|BREAK_SYSTEM_PACKAGES|PROJECT.*|WORKING_DIR.*)"
    # or resolve and write otherwise than we say. Index, credential, cache and proxy settings pass.
    r"|UV_(EXCLUDE.*|CONSTRAINT|OVERRIDE|BUILD_CONSTRAINT|RESOLUTION|PRERELEASE|COMPILE_BYTECODE|NO_BINARY.*|NO_BUILD.*"
    r"|VENV_.*|REQUIRE_HASHES|NO_VERIFY_HASHES|CUSTOM_COMPILE_COMMAND|TORCH_BACKEND|NO_COLOR|LOG_.*)"
    # or what is a secret of ours.
    r"|AMLET_(?!HOME$).*|AZUREML_.*"
    r"|FORCE_COLOR|CLICOLOR_FORCE|RUST_LOG|RUST_BACKTRACE"
)


class Finished(NamedTuple):
    """How a uv command ended."""

    code: int
    output: str
    """Its last lines, without credentials."""


def find_uv() -> Path:
    """The uv program: of the `uv` package, else on PATH.

    Raises:
        EnvironmentFailed: there is none.
    """
    with contextlib.suppress(ImportError, FileNotFoundError):
        from uv import find_uv_bin

        return Path(find_uv_bin())
    found = shutil.which("uv")
    if found is None:
        raise EnvironmentFailed("The uv program is neither installed nor on PATH.", hint="`pip install uv`.")
    return Path(found)


def run_uv(arguments: Sequence[str], log: Callable[[str], None]) -> Finished:
    """Run uv to its end, in a process group of its own that never outlives this call.

    Args:
        arguments: What follows `uv`.
        log: Gets every line of its standard error as it comes.

    Raises:
        EnvironmentFailed: it took longer than 15 minutes, or a signal ended it.
    """
    argv = [str(find_uv()), *arguments, "--no-progress", "--color", "never"]
    lines: list[str] = []
    own = mark_of()
    # A neutral folder: uv reads the settings of a project that it is started in.
    with tempfile.TemporaryDirectory(prefix="amlet-uv-") as folder:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**child_variables(os.environ), BUILDER: f"{own.pid} {own.started}"},
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        )
        late = threading.Event()

        def end_late() -> None:
            late.set()
            _end(process)

        timer = threading.Timer(TIMEOUT_S, end_late)
        timer.daemon = True
        timer.start()
        try:
            assert process.stderr is not None
            for raw in process.stderr:
                line = without_credentials(raw.rstrip())
                if line:
                    log(line)
                    lines.append(line)
                    del lines[:-_KEPT_LINES]
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        finally:
            timer.cancel()
            if process.stderr is not None:
                process.stderr.close()
    if code < 0 and not late.is_set():
        raise EnvironmentFailed(
            f"uv was ended by signal {-code} before it was done.",
            hint="submit again; if it is ended again, the machine may have run out of memory.",
        )
    if late.is_set():
        raise EnvironmentFailed(
            f"uv did not end within {TIMEOUT_S // 60} minutes.", hint="check the connection to the package index."
        )
    return Finished(code, "\n".join(lines))


def child_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that uv may see: AMLET_HOME passes, so that its process can be told as ours."""
    kept = {name: value for name, value in variables.items() if not _DROPPED.fullmatch(name)}
    # An interpreter is ours to choose among those at hand: uv shall fetch none behind our back.
    kept["UV_PYTHON_DOWNLOADS"] = "never"
    return kept


def end_left_over(home: str, *, own: bool = False) -> None:
    """End the uv processes of a home whose starter is gone: nobody waits for what they make.

    Args:
        own: Also those that this process started: it is about to end.
    """
    ours = mark_of()

    def nobody_waits(process: Marked) -> bool:
        pid, _, started = process.variables.get(BUILDER, "").partition(" ")
        if not pid.isdigit() or not started.isdigit():
            return False
        starter = ProcessMark(int(pid), int(started), boot_id())
        return own if starter == ours else not starter.is_alive()

    end_marked(home, nobody_waits)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
