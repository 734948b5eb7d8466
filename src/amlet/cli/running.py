"""The process of the local server: whether it lives, and how it is ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time

from amlet.base.errors import Unauthorized, Unavailable, VersionMismatch
from amlet.base.paths import Home
from amlet.base.units import human_seconds
from amlet.client.connection import Client
from amlet.client.local_server import LocalServer
from amlet.client.server_file import ServerFile, is_alive
from amlet.client.transport import Transport
from amlet.wire.server import StopServer

ANSWER_S = 10.0
"""How long a server may take to say that it ends."""

END_S = 30.0
"""How long it may then take: its nodes and services end first."""

_POLL_S = 0.02


def is_running(home: Home) -> bool:
    """Whether a server of this home lives: it holds the home's lock for its life."""
    try:
        lock = os.open(home.server_lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def stop(home: Home, *, cancel_runs: bool) -> int | None:
    """End the server of this home, with its nodes and services, and wait until it is gone.

    Returns:
        Its process id; None when none ran.

    Raises:
        Conflict: runs are in progress and `cancel_runs` is False.
        Unavailable: it does not end.
    """
    if not is_running(home):
        return None
    found = ServerFile.read(home.server_file)
    if found is None or not found.is_alive:
        raise Unavailable(
            f"A server of {home.root} is just starting or ending.", hint="try again in a second; `amlet server status`."
        )
    try:
        _ask(found, cancel_runs=cancel_runs)
    except (Unavailable, VersionMismatch, Unauthorized):
        # It is frozen, or of another version. The lock says that it is a server of ours all the same.
        _end_by_force(found, home)
        # Its nodes and services outlive it; a successor takes them over and ends them.
        _ask(_successor(home), cancel_runs=cancel_runs)
    if not _ends(home, found.pid, END_S):
        raise Unavailable(
            f"The server (process {found.pid}) has not ended within {human_seconds(END_S)}.",
            hint=f"its log is {home.server_log}; `kill -9 {found.pid}` ends it at once.",
        )
    return found.pid


def _ask(server: ServerFile, *, cancel_runs: bool) -> None:
    client = Client.over(Transport(server.url, server.token, patience_s=0, answer_s=ANSWER_S))
    try:
        client.server.stop(StopServer(cancel_runs))
    finally:
        client.close()


def _successor(home: Home) -> ServerFile:
    LocalServer(home).connect()
    found = ServerFile.read(home.server_file)
    assert found is not None, "a server that answers has told its address"
    return found


def _end_by_force(server: ServerFile, home: Home) -> None:
    _signal(server.pid, signal.SIGCONT)
    _signal(server.pid, signal.SIGTERM)
    if not _ends(home, server.pid, ANSWER_S):
        _signal(server.pid, signal.SIGKILL)
        _ends(home, server.pid, ANSWER_S)


def _ends(home: Home, pid: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while is_running(home) or is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
