"""Keep-alive connections: one is taken for an exchange and given back when its answer was read."""

from __future__ import annotations

import http.client
import os
import select
import socket
from collections import deque
from typing import Callable, Deque, Dict, Iterable, Iterator, NamedTuple, Optional, Tuple, Union

from amlet.base.errors import InvalidInput
from amlet.client.address import Address
from amlet.client.body import Body, Broken

CONNECT_S = 10.0
IDLE_LIMIT = 8

Data = Union[bytes, Callable[[], Iterable[bytes]]]
"""Bytes to send, or what opens a fresh stream of them: a body that was half sent can be sent again."""


class Request(NamedTuple):
    method: str
    target: str
    """Path and query, encoded."""
    headers: Dict[str, str]
    data: Data = b""
    size_bytes: Optional[int] = None
    """Of a stream; without it the body travels in chunks."""


class Answer(NamedTuple):
    status: int
    body: Body


class Pool:
    """Connections to one server. Safe from any thread: each exchange has a connection of its own.

    A forked child drops the connections of its parent: two processes that speak on one would read each other's
    answers.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._idle: Deque[Tuple[Address, http.client.HTTPConnection]] = deque()

    def exchange(self, address: Address, request: Request, timeout_s: float) -> Answer:
        """Send a request and read the head of its answer.

        A connection that the server closed while it was idle is replaced at once; what else breaks is the
        caller's to judge, as is a stream that may have been sent in part.

        Raises:
            Broken: refused, reset, or silent for `timeout_s`.
        """
        kept = self._take(address)
        if kept is not None:
            try:
                return self._once(kept, address, request, timeout_s)
            except Broken as broken:
                if broken.timed_out or not isinstance(request.data, bytes):
                    raise
        return self._once(_connect(address), address, request, timeout_s)

    def close(self) -> None:
        """Close what is idle. The pool may be used again."""
        while self._idle:
            self._idle.pop()[1].close()

    def _take(self, address: Address) -> Optional[http.client.HTTPConnection]:
        if self._pid != os.getpid():
            self.close()
            self._pid = os.getpid()
        while True:
            try:
                kept_for, connection = self._idle.pop()
            except IndexError:
                return None
            if kept_for == address and _is_quiet(connection):
                return connection
            connection.close()

    def _give_back(self, address: Address, connection: http.client.HTTPConnection, pid: int) -> None:
        if pid == os.getpid() and len(self._idle) < IDLE_LIMIT:
            self._idle.append((address, connection))
        else:
            connection.close()

    def _once(
        self, connection: http.client.HTTPConnection, address: Address, request: Request, timeout_s: float
    ) -> Answer:
        pid = os.getpid()

        def release(reusable: bool) -> None:
            if reusable:
                self._give_back(address, connection, pid)
            else:
                connection.close()

        try:
            if connection.sock is not None:
                connection.sock.settimeout(timeout_s)
            response = _send(connection, address, request)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Broken.by(error, f"The connection to {address.url} broke") from error
        except _SourceFailed as failed:
            connection.close()
            raise failed.error from failed.error.__cause__
        except BaseException:
            # Ctrl-C too: half a request on a connection that is used again would garble the next one.
            connection.close()
            raise
        return Answer(response.status, Body(response, address.url, release))


class _SourceFailed(Exception):
    """Carries an error of the stream that is sent past those of the connection: it may be an OSError too."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _SocketConnection(http.client.HTTPConnection):
    """Speaks to a server by way of a Unix socket; what is said names the server's own host."""

    def __init__(self, address: Address) -> None:
        super().__init__(address.host, address.port, timeout=CONNECT_S)
        self._path = address.via

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connect(address: Address) -> http.client.HTTPConnection:
    """A new connection; http.client sets TCP_NODELAY on it, without which a small POST waits 40 ms for an ACK."""
    connection: http.client.HTTPConnection
    if address.via:
        connection = _SocketConnection(address)
    elif address.scheme == "https":
        import ssl

        connection = http.client.HTTPSConnection(
            address.host, address.port, timeout=CONNECT_S, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(address.host, address.port, timeout=CONNECT_S)
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        raise Broken.by(error, f"Cannot connect to {address.url}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether an idle connection still stands: one that can be read was closed by the server, or is out of step."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _send(connection: http.client.HTTPConnection, address: Address, request: Request) -> http.client.HTTPResponse:
    data = request.data
    size = len(data) if isinstance(data, bytes) else request.size_bytes
    connection.putrequest(request.method, address.prefix + request.target, skip_accept_encoding=True)
    if address.token:
        connection.putheader("Authorization", "Bearer " + address.token)
    for name, text in request.headers.items():
        connection.putheader(name, text)
    if size is None:
        connection.putheader("Transfer-Encoding", "chunked")
    elif data or request.method not in ("GET", "DELETE"):
        connection.putheader("Content-Length", str(size))
    try:
        if isinstance(data, bytes):
            connection.endheaders(data or None)
        else:
            connection.endheaders()
            for chunk in _pieces(data, size):
                connection.send(chunk if size is not None else b"%x\r\n%b\r\n" % (len(chunk), chunk))
            if size is None:
                connection.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        # A server that refuses a body early answers and hangs up: its answer says more than the broken pipe.
        try:
            return connection.getresponse()
        except (OSError, http.client.HTTPException):
            pass
        raise
    return connection.getresponse()


def _pieces(source: Callable[[], Iterable[bytes]], size_bytes: Optional[int]) -> Iterator[bytes]:
    sent = 0
    try:
        for chunk in source():
            sent += len(chunk)
            if size_bytes is not None and sent > size_bytes:
                break
            if chunk:  # an empty one would end a chunked body
                yield chunk
        if size_bytes is not None and sent != size_bytes:
            raise InvalidInput(f"What was to be sent is not {size_bytes} bytes long, as was said before.")
    except Exception as error:
        raise _SourceFailed(error) from error
