"""A router's connection to replicas: one request at a time, and whether a broken one had been taken."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, Callable, List, Optional

from amlet.runtime.scoring.access import ROUTER_HEADER
from amlet.runtime.scoring.exchange import Request, Response
from amlet.runtime.scoring.turns import Route

CONNECT_S = 2.0
"""A machine that does not take a connection within this is passed over."""
KEEP_ALIVE = (("TCP_KEEPIDLE", 3), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 9000))
"""A machine that is gone without a word is noticed within nine seconds, also while it should answer."""

_HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"expect", b"content-length"))
_OWN = _HOP | {b"content-type"}
_NOT_SENT = _HOP | {b"host", ROUTER_HEADER}


class NotTaken(Exception):
    """The request did not reach a replica: it may be sent again."""


class NotReached(NotTaken):
    """Nobody takes connections there."""


class Upstream(asyncio.Protocol):
    """One connection. Used on the loop's thread."""

    def __init__(self, new_parser: Callable[[Any], Any]) -> None:
        self._new_parser = new_parser
        self._transport: Any = None
        self._parser: Any = None
        self._answer: Optional[asyncio.Future[Response]] = None
        self._headers: List[Any] = []
        self._chunks: List[bytes] = []
        self._has_begun = False
        self._asked_before = False
        self._made_s = 0.0
        self.is_open = False

    @property
    def age_s(self) -> float:
        """Since when it is open."""
        return asyncio.get_event_loop().time() - self._made_s

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._made_s = asyncio.get_event_loop().time()
        self.is_open = True

    def connection_lost(self, exc: Optional[Exception]) -> None:  # noqa: ARG002
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            # A replica closes an idle connection before it reads from it: what was sent then was not taken.
            fresh = NotTaken() if self._asked_before and not self._has_begun else ConnectionResetError()
            self._answer.set_exception(fresh)

    def close(self) -> None:
        """Give it up. What it was asked may have been taken."""
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())
        if self._transport is not None:
            self._transport.close()

    async def ask(self, request: Request, route: Route) -> Response:
        """
        Raises:
            NotTaken: the replica closed the connection before it read the request.
            ConnectionError: it broke off its answer.
        """
        self._answer = asyncio.get_event_loop().create_future()
        self._parser = self._new_parser(self)
        self._headers, self._chunks, self._has_begun = [], [], False
        target = request.path + (f"?{request.query}" if request.query else "")
        host = f"[{route.host}]" if ":" in route.host else route.host
        head = [f"{request.method} {target} HTTP/1.1\r\nhost: {host}:{route.port}\r\n".encode("latin-1")]
        head += [b"%s: %s\r\n" % pair for pair in request.headers.items() if pair[0] not in _NOT_SENT]
        if route.secret:
            head.append(b"%s: %s\r\n" % (ROUTER_HEADER, route.secret.encode("ascii")))
        head.append(b"content-length: %d\r\n\r\n" % len(request.body))
        self._transport.write(b"".join(head) + request.body)
        answer = await self._answer
        self._asked_before = True
        return answer

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.close()
            return
        self._has_begun = True
        try:
            self._parser.feed_data(data)
        except Exception:  # noqa: BLE001 - the parser's own tree differs between its versions
            self.close()

    # The parser's side

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        held = dict(self._headers)
        status, keeps = self._parser.get_status_code(), self._parser.should_keep_alive()
        self._parser = None
        if self._answer is not None and not self._answer.done():
            headers = tuple(pair for pair in self._headers if pair[0] not in _OWN)
            kind = held.get(b"content-type", b"application/octet-stream")
            self._answer.set_result(Response(status, b"".join(self._chunks), kind, headers))
        if not keeps:
            self.close()


async def connect(route: Route, new_parser: Callable[[Any], Any]) -> Upstream:
    """A fresh connection.

    Raises:
        NotReached: none is taken there.
    """
    loop = asyncio.get_event_loop()
    try:
        opening = loop.create_connection(lambda: Upstream(new_parser), route.host, route.port)
        transport, upstream = await asyncio.wait_for(opening, CONNECT_S)
    except (OSError, asyncio.TimeoutError) as error:
        raise NotReached from error
    if route.secret:
        _watch(transport.get_extra_info("socket"))
    return upstream


def _watch(connection: Any) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEP_ALIVE:
            if hasattr(socket, name):  # Linux's
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
