"""On a machine that is reached over SSH: start a node, or find the one that is there, and stay with it.

This end lives as long as the link does; the node does not. A node whose link was cut goes on with its run, and the
next link finds it. What a server says comes as JSON lines on the standard input, whose end is the end of the link.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from amlet.base.errors import AmletError, EnvironmentFailed, StorageFailed
from amlet.base.paths import owner_only
from amlet.base.variables import own_environment
from amlet.client.transport import SOCKET_VARIABLE
from amlet.node.orphan import TENDED_FILE, TENDED_VARIABLE
from amlet.runtime.marked import Marked, end_marked
from amlet.runtime.process import ProcessMark

TICK_S = 0.2
START_S = 30.0
TENDED_S = 5.0
LOG_BYTES = 2_000
UV_INSTALL_S = 300
SOCKET_LIMIT = 100
"""Bytes in the path of a Unix socket, which the kernel cuts at 107."""

Say = Callable[..., None]
Incoming = queue.Queue[dict[str, Any] | None]


def tend(root: Path, sources: Path, uv: Path | None, say: Say) -> None:
    """Do what the server asks until its link or the node ends.

    Args:
        root: Where all of ours lies on this machine.
        sources: The folder that this module was loaded from.
        uv: The folder of the uv program that was brought along, if it runs here.
        say: Tells the server.
    """
    incoming: Incoming = queue.Queue()
    threading.Thread(target=_listen, args=(incoming,), daemon=True).start()
    asked = incoming.get()
    if asked is None:
        return
    link = Path(asked["socket"]) if asked["socket"] else None
    try:
        tended = Tended(root, asked)
        tended.begin(link)
        if tended.process() is not None:
            say(running=True, found=True)
        elif not asked["start"]:
            say(absent=True)
            return
        else:
            tended.start(sources, find_uv(root, uv, asked["uv_version"]))
            say(running=True, found=False)
        _stay(tended, incoming, say)
    except AmletError as error:
        say(failed=error.message, hint=error.hint)
    except OSError as error:
        say(failed=StorageFailed.from_os_error(error, error.filename or root).message)


class Tended:
    """One node of one server on this machine."""

    def __init__(self, root: Path, asked: Mapping[str, Any]) -> None:
        self._home = root / str(asked["server"])
        self._name = str(asked["name"])
        self._folder = self._home / "nodes" / self._name
        self._variables: dict[str, str] = asked["variables"]
        self._child: subprocess.Popen[bytes] | None = None
        self._log_begins = 0

    def begin(self, link: Path | None) -> None:
        """Let the node, and its jobs, come to the server by this link.

        Raises:
            StorageFailed: the home's path is too long for a socket.
        """
        owner_only(self._folder)
        self.touch()
        self._part_from_another_address()
        if link is None:
            return
        place = self._socket
        if len(os.fsencode(place)) > SOCKET_LIMIT:
            raise StorageFailed(
                f"{place} is too long to lead to a socket.",
                hint="set AMLET_NODE_ROOT on that machine to a folder with a shorter path.",
            )
        if place.is_symlink():
            place.readlink().unlink(missing_ok=True)  # of a link whose end nobody here has seen
        new = place.with_name(f"{place.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(link)
        new.replace(place)

    def start(self, sources: Path, uv: Path) -> None:
        """Start the node, and wait until it has noted which process it is.

        Raises:
            EnvironmentFailed: it ended at once; says the end of its log.
        """
        variables = own_environment()
        variables.update(self._variables)
        share = {"AMLET_NODE_CORES": len(os.sched_getaffinity(0)), "AMLET_NODE_MEMORY_BYTES": _memory_bytes()}
        variables.update({name: str(value) for name, value in share.items()})
        variables["AMLET_HOME"] = str(self._home)
        variables["AMLET_NODE_SDK"] = str(sources)
        variables["PYTHONPATH"] = str(sources)
        variables["PATH"] = os.pathsep.join([str(uv), variables.get("PATH", os.defpath)])
        variables[TENDED_VARIABLE] = str(self._folder / TENDED_FILE)
        if self._socket.is_symlink():
            variables[SOCKET_VARIABLE] = str(self._socket)
        with (self._folder / "node.log").open("ab") as log:
            self._log_begins = log.tell()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "amlet.node"],
                cwd=self._folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while self.process() is None and time.monotonic() < deadline:
            if self._child.poll() is not None:
                raise EnvironmentFailed(f"The node ended at its start. {self.log()}")
            time.sleep(0.02)

    def process(self) -> ProcessMark | None:
        """The node's process, if it is there."""
        found = self._noted()
        if self._child is not None and self._child.poll() is not None:
            return None
        return found if found is not None and found.is_alive() else None

    def stop(self) -> None:
        """Ask it to end; it ends what it runs first."""
        found = self.process()
        if found is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it, and what it runs."""
        below = str(self._folder) + os.sep

        def is_its(found: Marked) -> bool:
            named = found.variables.get("AMLET_NODE_NAME") == self._name
            return named or found.variables.get("AMLET_JOURNAL_DIR", "").startswith(below)

        end_marked(str(self._home), is_its)

    def touch(self) -> None:
        """Note that somebody looks after the node."""
        (self._folder / TENDED_FILE).touch()

    def log(self) -> str:
        """The end of what it has printed."""
        try:
            with (self._folder / "node.log").open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_begins, size - LOG_BYTES))
                text = file.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""
        return f"The end of its log: {text}" if text else ""

    def _part_from_another_address(self) -> None:
        """End a node that knows its server by an address that is no longer right; its script goes on for the next."""
        place, url = self._folder / "url", self._variables["AMLET_NODE_URL"]
        found = self.process()
        if found is not None and place.exists() and place.read_text() != url:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
        place.write_text(url)

    @property
    def _socket(self) -> Path:
        return self._home / f"{self._name}.sock"

    def _noted(self) -> ProcessMark | None:
        try:
            return ProcessMark(**json.loads((self._folder / "process.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None


def find_uv(root: Path, brought: Path | None, version: str) -> Path:
    """The folder of a uv program that runs on this machine: brought along, on PATH, or installed by this Python's pip.

    Raises:
        EnvironmentFailed: there is none.
    """
    installed = root / "uv" / (version or "newest")
    for folder in (brought, installed / "bin"):
        if folder is not None and _runs(folder / "uv"):
            return folder
    for name in (*os.environ.get("PATH", "").split(os.pathsep), "~/.local/bin", "~/.cargo/bin"):
        if name and _runs(Path(name, "uv").expanduser()):
            return Path(name).expanduser()
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--target",
        str(installed),
        f"uv=={version}" if version else "uv",
    ]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(pip, stdin=subprocess.DEVNULL, capture_output=True, timeout=UV_INSTALL_S, check=True)
    if _runs(installed / "bin" / "uv"):
        return installed / "bin"
    machine = os.uname()
    raise EnvironmentFailed(
        f"The server's uv program does not run on {machine.sysname} {machine.machine}, and that machine has none.",
        hint="install it there: `pip install uv`, or put it into ~/.local/bin.",
    )


def _runs(program: Path) -> bool:
    try:
        subprocess.run(
            [str(program), "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _stay(tended: Tended, incoming: Incoming, say: Say) -> None:
    touched = time.monotonic()
    while True:
        if tended.process() is None:
            say(ended=True, log=tended.log())
            return
        if time.monotonic() - touched > TENDED_S:
            touched = time.monotonic()
            tended.touch()
        try:
            asked = incoming.get(timeout=TICK_S)
        except queue.Empty:
            continue
        if asked is None:
            return
        if asked.get("do") == "stop":
            tended.stop()
        elif asked.get("do") == "kill":
            tended.kill()


def _listen(incoming: Incoming) -> None:
    """Take in lines until the link ends."""
    with contextlib.suppress(OSError, ValueError):
        for line in sys.stdin.buffer:
            incoming.put(json.loads(line))
    incoming.put(None)


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
