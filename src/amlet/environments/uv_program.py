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

TIMEOUT_S = 15 * 60
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
        EnvironmentFailed: it took longer than 15 minutes.
    """
    argv = [str(find_uv()), *arguments, "--no-progress", "--color", "never"]
    lines: list[str] = []
    # A neutral folder: uv reads the settings of a project that it is started in.
    with tempfile.TemporaryDirectory(prefix="amlet-uv-") as folder:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=child_variables(os.environ),
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


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
