"""A replica's listening socket, handed to a node that did not start it: its own was killed."""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import Callable, Iterator, Optional

NAME = "listening.sock"
"""In the replica's folder, which only its owner may enter."""
PATIENCE_S = 1.0
"""A process that does not hand it over within this is stopped or hangs."""


def offer(loop: asyncio.AbstractEventLoop, folder: Path, listening: socket.socket) -> Callable[[], None]:
    """Hand the socket to whoever asks in the folder, until what is returned is called."""
    asked = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(folder) as place:
            asked.bind(place)
        asked.listen(1)
    except OSError:  # such as a file system without sockets: a killed node then costs what it did before
        asked.close()
        return lambda: None
    asked.setblocking(False)

    def hand_over() -> None:
        with contextlib.suppress(OSError):
            connection, _ = asked.accept()
            with connection:
                connection.settimeout(PATIENCE_S)
                fds = array.array("i", [listening.fileno()])
                connection.sendmsg([b"1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])

    def stop() -> None:
        loop.remove_reader(asked)
        asked.close()

    loop.add_reader(asked, hand_over)
    return stop


def take(folder: Path) -> Optional[socket.socket]:
    """The listening socket of the replica in a folder; None when none answers there, or with anything else. Blocks for
    a second at most.
    """
    fds = array.array("i")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(PATIENCE_S)
            with _short(folder) as place:
                asking.connect(place)
            _, told, _, _ = asking.recvmsg(1, socket.CMSG_SPACE(fds.itemsize))
        for level, kind, data in told:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data[: fds.itemsize])
    except OSError:
        return None
    if not fds:
        return None
    try:
        found = socket.socket(fileno=fds[0])
    except OSError:  # no socket at all
        os.close(fds[0])
        return None
    if found.family in (socket.AF_INET, socket.AF_INET6) and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return found
    found.close()
    return None


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A path of the socket that is never longer than a socket's path may be."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{NAME}"
    finally:
        os.close(handle)
