"""The listening sockets of services: opened once, kept over processes and revisions, closed with the last user."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Protocol

from amlet.base.errors import ServiceFailed

BACKLOG = 1024


class Listens(Protocol):
    """Who needs a port: a lease of replicas or of a router."""

    @property
    def workspace_id(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def port(self) -> int | None: ...
    @property
    def host(self) -> str | None: ...
    @property
    def revision(self) -> int: ...


Key = tuple[str, str, str, int]
"""A service: its workspace's id, its name, the version of an endpoint; the revision, where each has a port."""


class Ports:
    """Safe from any thread. Revisions of one service share its socket: which of their processes accepts, answers.
    Behind a router on another machine each has its own, which the router goes over to.
    """

    def __init__(self, own_address: Callable[[], str]) -> None:
        """`own_address` tells by which address the server's machine reaches this one."""
        self._own_address = own_address
        self._open: dict[Key, socket.socket] = {}
        self._users: dict[socket.socket, int] = {}
        self._lock = threading.Lock()

    def of(self, lease: Listens) -> socket.socket:
        """The service's socket, to be left with `leave`.

        Raises:
            ServiceFailed: its port is another program's, or this machine has no such address.
        """
        key = _key(lease)
        with self._lock:
            held = self._open.get(key)
            if held is None or lease.port not in (None, held.getsockname()[1]):
                held = _listen(self._own_address()) if lease.host is None else _listen(lease.host, lease.port)
                self._open[key] = held
                self._users[held] = 0
            self._users[held] += 1
            return held

    def adopt(self, lease: Listens, held: socket.socket) -> None:
        """Make an open socket the service's, with whoever accepts on it already as its first user."""
        with self._lock:
            self._open[_key(lease)] = held
            self._users[held] = 1

    def number(self, workspace_id: str, service: str, version: str) -> int | None:
        """The port that a version answers on now, on this machine."""
        with self._lock:
            held = self._open.get((workspace_id, service, version, 0))
            return held.getsockname()[1] if held is not None else None

    def leave(self, held: socket.socket) -> None:
        """One user less; with the last one the port is free."""
        with self._lock:
            self._users[held] -= 1
            if self._users[held]:
                return
            del self._users[held]
            for key in [key for key, other in self._open.items() if other is held]:
                del self._open[key]
            held.close()


def _key(lease: Listens) -> Key:
    revision = lease.revision if lease.host is None else 0
    return lease.workspace_id, lease.service, getattr(lease, "version", ""), revision


def _listen(host: str, port: int | None = None) -> socket.socket:
    """Open the port; without one, any free one."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port or 0))
    except OSError as error:
        listening.close()
        if port is None:
            raise ServiceFailed(
                f"This node cannot listen at {host}: {error.strerror}.",
                hint="set AMLET_NODE_ADDRESS, where the node is started, to an address of its machine.",
            ) from error
        raise ServiceFailed(
            f"Port {port} on {host} is in use by another program.",
            hint="end that program, or deploy under another name: a new service gets a free port.",
        ) from error
    listening.listen(BACKLOG)
    listening.set_inheritable(True)
    return listening
