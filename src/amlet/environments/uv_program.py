"""The uv program: found, and run with its output passed on line by line."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import EnvironmentFailed
from amlet.base.machine import boot_id
from amlet.base.urls import without_login
from amlet.environments.follow import BUILDER, builder_mark, follow
from amlet.runtime.marked import Marked, end_marked
from amlet.runtime.process import ProcessMark, mark_of

TIMEOUT_S = 15 * 60
PATIENCE = {"UV_HTTP_RETRIES": "2", "UV_HTTP_CONNECT_TIMEOUT": "5"}
"""What holds where the user sets nothing else. Without a network uv then gives up after 4 s, and after 19 s where
packets are dropped without a word; its own three retries of 10 s make that 7 s and 52 s.
"""

_network_off: ContextVar[bool] = ContextVar("amlet_network_off", default=False)

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
    """Its last lines, without logins."""


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


@contextlib.contextmanager
def network_off() -> Iterator[None]:
    """What this thread does meanwhile uses what the cache has, and asks nobody."""
    token = _network_off.set(True)
    try:
        yield
    finally:
        _network_off.reset(token)


def is_offline() -> bool:
    """Whether the network is switched off: for this work, or by uv's own variable for all."""
    return _network_off.get() or os.environ.get("UV_OFFLINE", "").lower() in ("1", "true", "yes", "on", "y", "t")


def run_uv(
    arguments: Sequence[str],
    log: Callable[[str], None],
    *,
    timeout_s: float = TIMEOUT_S,
    variables: Mapping[str, str] | None = None,
) -> Finished:
    """Run uv to its end, in a process group of its own that never outlives this call.

    Args:
        arguments: What follows `uv`.
        log: Gets every line of its standard error as it comes.
        timeout_s: It is ended after this long.
        variables: Settings of uv's beside the ones of this process.

    Raises:
        EnvironmentFailed: it took longer than `timeout_s`, or a signal ended it.
    """
    argv = [str(find_uv()), *arguments, "--no-progress", "--color", "never"]
    if _network_off.get() and "--offline" not in argv:
        argv.append("--offline")
    ended = follow(
        argv,
        log,
        variables={**child_variables(os.environ), **(variables or {}), **builder_mark()},
        timeout_s=timeout_s,
        look_at="the connection to the package index",
        public=without_login,
    )
    return Finished(ended.code, "\n".join(ended.lines))


def child_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that uv may see: AMLET_HOME passes, so that its process can be told as ours."""
    kept = {name: value for name, value in variables.items() if not _DROPPED.fullmatch(name)}
    # An interpreter is ours to choose among those at hand: uv shall fetch none behind our back.
    kept["UV_PYTHON_DOWNLOADS"] = "never"
    return {**PATIENCE, **kept}


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
