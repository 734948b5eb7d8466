"""HTTP/1.1 on one connection: parsing by httptools, limits in bytes and seconds, keep-alive and pipelining."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from http import HTTPStatus
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional, Set

from amlet.runtime.scoring.dispatch import Dispatcher
from amlet.runtime.scoring.exchange import Request, Response, message

HEAD_LIMIT_BYTES = 64 << 10
REQUEST_TIMEOUT_S = 30.0
"""For a request's head, and again for its body."""
IDLE_TIMEOUT_S = 75.0
"""For a connection between two requests."""
LINGER_S = 10.0
"""How long what a refused client still sends is read and dropped: a reset would take the answer from it."""
LAST_CALL_S = 1.0
"""How long a drained replica waits for what may be on its way over a connection that is idle."""
BODIES_IN_MEMORY = 4
"""Bodies of the largest size that may be held at once; what comes above is told to try again."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_LONG_HEAD = f"The request's head is longer than {HEAD_LIMIT_BYTES} bytes."
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Limits(NamedTuple):
    """What a connection may take."""

    max_body_bytes: int
    request_timeout_s: float = REQUEST_TIMEOUT_S
    idle_timeout_s: float = IDLE_TIMEOUT_S
    last_call_s: float = LAST_CALL_S


class Connections:
    """The open connections of a replica, and what they share."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        limits: Limits,
        parser: Callable[[Any], Any],
        log: Callable[[str], None],
        *,
        processes: int = 1,
        admits: Optional[Callable[[Dict[bytes, bytes]], bool]] = None,
    ) -> None:
        """`admits` tells by a request's headers whether it is read at all; None: every one is."""
        self.admits = admits
        self.dispatcher = dispatcher
        self.limits = limits
        self.new_parser = parser
        """`httptools.HttpRequestParser`."""
        self.log = log
        self.open: Set[Connection] = set()
        self.body_bytes = 0
        """Of all bodies held now."""
        self.draining = False
        self._processes = processes

    def connection(self) -> Connection:
        """For the loop's `create_server`."""
        return Connection(self)

    def sweep(self) -> None:
        """Close what is past its deadline. To be called about once a second: cheaper than a timer a request."""
        now = time.monotonic()
        for connection in [item for item in self.open if item.deadline is not None and item.deadline < now]:
            connection.expire()

    def share_with(self, processes: int) -> None:
        """Let clients spread over so many processes: when there are more than before, some of the connections that are
        kept open are closed after their next answer, so that whoever is free takes them anew.
        """
        if processes > self._processes:
            held = list(self.open)
            for connection in held[: round(len(held) * (1 - self._processes / processes))]:
                connection.leaves = True
        self._processes = processes

    def drain(self) -> None:
        """Close each connection after the next answer, and after a while those that ask for none.

        Not at once: a client that sends on a connection which it takes for open would get no answer.
        """
        self.draining = True
        for connection in list(self.open):
            connection.close_soon()


class Connection(asyncio.Protocol):
    """One client. Requests are answered one after the other, in their order."""

    def __init__(self, shared: Connections) -> None:
        self._shared = shared
        self._limits = shared.limits
        self._parser: Any = shared.new_parser(self)
        self._transport: Any = None
        self._waiting: Deque[_Whole] = deque()
        self._busy: Optional[_Whole] = None
        self._pumping = False
        self._writable = True
        self._reading = True
        self._closing = False
        """Nothing that comes in is parsed any more."""
        self._lingers = False
        self.leaves = False
        """It is closed after an answer that nothing follows."""
        self._farewell: Optional[Response] = None
        """The error to end with, once what is waiting has been answered."""
        self._started = 0.0
        self._held_bytes = 0
        """Of bodies, as counted in the shared sum."""
        self.deadline: Optional[float] = None
        """When to give the client up; None while it waits for us."""
        self._url: List[bytes] = []
        self._headers: Dict[bytes, bytes] = {}
        self._chunks: List[bytes] = []
        self._length = 0
        self._head_bytes = 0
        self._head_bytes_parsed = 0
        self._head_done = False
        self._in_request = False
        self._begin()

    # The loop's side

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._shared.open.add(self)
        self.deadline = time.monotonic() + self._limits.request_timeout_s

    def connection_lost(self, exc: Optional[Exception]) -> None:  # noqa: ARG002
        self._shared.open.discard(self)
        self._closing = True
        self.deadline = None
        self._waiting.clear()
        self._release(self._held_bytes)
        self._chunks = []
        self._parser = None  # it refers back to us

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if not self._in_request:
            self._in_request = True
            self._arm()
        if not self._head_done:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except Exception as error:  # noqa: BLE001 - the parser's own tree differs between its versions
            if type(error).__name__ == "HttpParserUpgrade":
                self._closing = True  # nobody here speaks another protocol: this request is the last
                self._settle()
            elif not self._closing:
                self._refuse(400, "The request is not HTTP that this service understands.")
            return
        if not self._head_done and self._head_bytes > HEAD_LIMIT_BYTES and not self._closing:
            self._refuse(431, _LONG_HEAD)
        elif self._reading and (self._waiting or (self._in_request and self._busy is not None)):
            # More has come than is answered. Only then: stopping and going on for every request are system calls.
            self._reading = False
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        # A client may close its side and still read: what it sent whole is answered.
        self._closing = True
        return self._busy is not None or bool(self._waiting)

    def pause_writing(self) -> None:
        self._writable = False
        self._arm()

    def resume_writing(self) -> None:
        self._writable = True
        self._pump()

    # The parser's side. What a callback raises stops the parser.

    def on_message_begin(self) -> None:
        if not self._in_request:  # the next one in the same bytes
            self._in_request = True
            self._arm()

    def on_url(self, url: bytes) -> None:
        self._url.append(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._head_done = True
        self._arm()
        if self._shared.admits is not None and not self._shared.admits(self._headers):
            self._refuse(403, "This service answers at its own address alone, not at that of a node.")
            raise _Stop
        length = self._headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._limits.max_body_bytes:
            self._refuse_size()
        expected = self._headers.get(b"expect")
        if expected is not None and expected.lower() == b"100-continue" and self._is_idle():
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._length += len(body)
        self._held_bytes += len(body)
        self._shared.body_bytes += len(body)
        if self._length > self._limits.max_body_bytes:
            self._refuse_size()
        if self._shared.body_bytes > self._limits.max_body_bytes * BODIES_IN_MEMORY:
            self._refuse(503, "The service holds too many large requests: try again in a moment.")
            raise _Stop

    def on_message_complete(self) -> None:
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        url = self._url[0] if len(self._url) == 1 else b"".join(self._url)
        path, _, query = url.partition(b"?")
        request = Request(
            self._parser.get_method().decode("ascii"),
            path.decode("latin-1"),
            query.decode("latin-1"),
            self._headers,
            body,
        )
        keep_alive = self._parser.should_keep_alive()
        self._begin()
        self._waiting.append(_Whole(request, keep_alive))
        self._pump()

    # Answers

    def expire(self) -> None:
        """Give up a client that is too slow, or that has been idle for too long."""
        self.deadline = None
        if self._closing or not self._writable:
            self._transport.abort()
        elif self._in_request:
            self._refuse(408, f"The request was not whole after {self._limits.request_timeout_s:g} seconds.")
        else:
            self._transport.close()

    def close_soon(self) -> None:
        """Close after a last call, unless a request is being received or answered: then after the answer."""
        if self._is_idle() and not self._in_request and not self._closing:
            self.deadline = time.monotonic() + self._limits.last_call_s

    def _is_idle(self) -> bool:
        return self._busy is None and not self._waiting

    def _pump(self) -> None:
        # An answer that comes at once would otherwise nest as deep as the pipeline is long.
        if self._pumping:
            return
        self._pumping = True
        while self._waiting and self._busy is None and self._writable:
            self._busy = self._waiting.popleft()
            self._started = time.perf_counter()
            self._shared.dispatcher.submit(self._busy.request, self._reply)
        self._pumping = False
        self._settle()

    def _reply(self, response: Response) -> None:
        whole, self._busy = self._busy, None
        if whole is None or self._transport.is_closing():
            return
        drained = not self._waiting and not self._in_request and (self._closing or self._shared.draining)
        last = not whole.keep_alive or drained or (self.leaves and not self._waiting and not self._in_request)
        self._write(response, last=last, head=whole.request.method == "HEAD")
        self._log(whole.request.method, whole.request.path, response.status)
        self._release(len(whole.request.body))
        if last:
            self._end()
        self._pump()

    def _settle(self) -> None:
        """After every change of what waits: end, or go on reading."""
        if self._transport.is_closing():
            return
        idle = self._is_idle()
        if idle and self._farewell is not None:
            response, self._farewell = self._farewell, None
            self._write(response, last=True)
            self._log("-", b"".join(self._url).partition(b"?")[0].decode("latin-1") or "-", response.status)
            self._end(linger=True)
            return
        if self._closing:
            if idle and not self._lingers:
                self._end()
            return
        self._arm()
        if idle and not self._reading:
            self._reading = True
            self._transport.resume_reading()

    def _refuse_size(self) -> None:
        self._refuse(413, f"The body is over the limit of {self._limits.max_body_bytes} bytes.")
        raise _Stop

    def _refuse(self, status: int, text: str) -> None:
        """Answer a request that is not whole, after those before it, and read no further one."""
        self._closing = True
        self._release(self._length)
        self._chunks, self._length = [], 0
        self._started = time.perf_counter()
        self._farewell = message(status, text)
        self._settle()

    def _end(self, *, linger: bool = False) -> None:
        """Close the connection. What a refused client still sends is first read and dropped, for a while."""
        self._closing = True
        self._waiting.clear()
        self.deadline = time.monotonic() + LINGER_S
        if linger and self._transport.can_write_eof():
            self._lingers = True
            if not self._reading:
                self._reading = True
                self._transport.resume_reading()
            self._transport.write_eof()
        else:
            self._transport.close()

    def _write(self, response: Response, *, last: bool, head: bool = False) -> None:
        lines = [
            _STATUS_LINES.get(response.status) or b"HTTP/1.1 %d Answered\r\n" % response.status,
            b"content-type: %s\r\ncontent-length: %d\r\n" % (response.content_type, len(response.body)),
            *(b"%s: %s\r\n" % pair for pair in response.headers),
            b"connection: close\r\n\r\n" if last else b"\r\n",
        ]
        if not head:
            lines.append(response.body)
        self._transport.write(b"".join(lines))

    # State

    def _begin(self) -> None:
        """Forget the request that was parsed."""
        self._url, self._headers, self._chunks, self._length = [], {}, [], 0
        self._head_bytes = 0
        self._head_done = False
        self._in_request = False
        self._head_bytes_parsed = 0

    def _arm(self) -> None:
        """Set the deadline that fits what is waited for."""
        if self._closing:
            return
        now = time.monotonic()
        if not self._is_idle():
            self.deadline = None if self._writable else now + self._limits.request_timeout_s
        else:
            self.deadline = now + (self._limits.request_timeout_s if self._in_request else self._limits.idle_timeout_s)

    def _count_head(self, count: int) -> None:
        self._head_bytes_parsed += count
        if self._head_bytes_parsed > HEAD_LIMIT_BYTES:
            self._refuse(431, _LONG_HEAD)
            raise _Stop

    def _release(self, count: int) -> None:
        # After connection_lost all is released already.
        count = min(count, self._held_bytes)
        self._held_bytes -= count
        self._shared.body_bytes -= count

    def _log(self, method: str, path: str, status: int) -> None:
        elapsed_ms = (time.perf_counter() - self._started) * 1000
        shown = path if path == "/score" else path[:200].encode("unicode_escape").decode("ascii")
        self._shared.log(f"{method} {shown} {status} {elapsed_ms:.2f} ms")


class _Whole(NamedTuple):
    request: Request
    keep_alive: bool


class _Stop(Exception):
    """Leaves the parser in the middle of what it was given."""
