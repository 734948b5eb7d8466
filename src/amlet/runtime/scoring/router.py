"""An endpoint's own process: `python router.py <folder>`. It hands each request to one of the endpoint's versions.

It answers on the listening socket that it inherited, as a replica does, until SIGTERM. Which version answers on which
port and gets how many of the requests lies in `routes.json`, which may change while it runs. Who may ask is checked by
the versions: what a client sends reaches them as it came.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # In place of this file's own folder, whose names are not for everyone to import.
    sys.path[0] = str(Path(__file__).resolve().parents[3])

import asyncio
import json
import os
import signal
import socket
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from amlet.runtime.attempt import write_json
from amlet.runtime.scoring.exchange import TEXT, Request, Response, message
from amlet.runtime.scoring.files import MAX_BODY_BYTES, ReplicaState
from amlet.runtime.scoring.protocol import Connections, Limits

ROUTER_FILE = "router.json"
ROUTES_FILE = "routes.json"
LOOK_S = 0.1
BEAT_S = 1.0
DRAIN_S = 5.0
VERSION_HEADER = b"x-amlet-version"
"""In an answer, the version that gave it; in a request, the version that is to answer, whatever its share."""
_HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"expect", b"content-length"))
_OWN = _HOP | {b"content-type"}


class Route(NamedTuple):
    """One version of the endpoint."""

    version: str
    port: int
    percent: int


class RouterFile(NamedTuple):
    """What a router is started with."""

    socket_fd: int
    overlay: str
    beat: str
    """The file that it writes every second."""

    def write(self, folder: Path) -> None:
        write_json(folder / ROUTER_FILE, self._asdict())


def write_routes(folder: Path, routes: List[Route]) -> None:
    """Change where a router's requests go. It takes it in within a moment."""
    write_json(folder / ROUTES_FILE, [list(route) for route in routes])


class Turns:
    """Whose turn it is: of any hundred requests in a row each version gets as many as its share says."""

    def __init__(self, routes: List[Route]) -> None:
        self.routes = routes
        self._credit = {route.version: 0 for route in routes}

    def next(self) -> Optional[Route]:
        """The version for the next request; None when no version has a share."""
        able = [route for route in self.routes if route.percent > 0]
        if not able:
            return None
        for route in able:
            self._credit[route.version] += route.percent
        chosen = max(able, key=lambda route: self._credit[route.version])
        self._credit[chosen.version] -= sum(route.percent for route in able)
        return chosen

    def of(self, version: str) -> Optional[Route]:
        """The route of a version, by name."""
        return next((route for route in self.routes if route.version == version), None)


class Router:
    """Answers requests by asking a version. Used on the loop's thread."""

    def __init__(self, folder: Path, new_parser: Callable[[Any], Any]) -> None:
        self._path = folder / ROUTES_FILE
        self._new_parser = new_parser
        self._turns = Turns([])
        self._seen: Optional[int] = None
        self._idle: Dict[int, List[_Upstream]] = {}
        self._going: set[asyncio.Future[None]] = set()
        self.refresh()

    def refresh(self) -> None:
        """Take in routes that were written anew."""
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._seen:
                self._turns = Turns([Route(*one) for one in json.loads(self._path.read_bytes())])
                self._seen = stamp
                for port in set(self._idle) - {route.port for route in self._turns.routes}:
                    for upstream in self._idle.pop(port):
                        upstream.close()
        except (OSError, ValueError):
            return

    def submit(self, request: Request, reply: Callable[[Response], None]) -> None:
        """Answer a request: at once what is the endpoint's own, later what a version is to answer."""
        if request.path == "/" and request.method in ("GET", "HEAD"):
            is_able = self._turns.next() is not None
            reply(Response(200, b"Healthy", TEXT) if is_able else message(503, "No version of this endpoint answers."))
            return
        task = asyncio.ensure_future(self._handed(request, reply))
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _handed(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(await self._answer(request))

    async def _answer(self, request: Request) -> Response:
        wanted = request.headers.get(VERSION_HEADER)
        for _ in range(3):
            route = self._route(wanted)
            if route is None:
                self.refresh()
                route = self._route(wanted)
            if route is None and wanted is not None:
                return message(404, f"This endpoint has no version {wanted.decode('latin-1')[:100]!r} that answers.")
            if route is None:
                return message(503, "No version of this endpoint answers yet.", (b"retry-after", b"1"))
            try:
                answer = await self._ask(route, request)
            except _NotTaken:
                self.refresh()  # the version may just have gone, or closed a connection that was idle
                continue
            except ConnectionError:
                return message(502, f"Version {route.version} ended while it answered.")
            version = (VERSION_HEADER, route.version.encode("latin-1"))
            return answer._replace(headers=(*answer.headers, version))
        return message(503, "The version that was to answer does not take requests.", (b"retry-after", b"1"))

    def _route(self, wanted: Optional[bytes]) -> Optional[Route]:
        return self._turns.next() if wanted is None else self._turns.of(wanted.decode("latin-1"))

    async def _ask(self, route: Route, request: Request) -> Response:
        idle = self._idle.setdefault(route.port, [])
        upstream = None
        while idle and upstream is None:
            upstream = idle.pop()
            upstream = upstream if upstream.is_open else None
        if upstream is None:
            try:
                loop = asyncio.get_event_loop()
                _, upstream = await loop.create_connection(lambda: _Upstream(self._new_parser), "127.0.0.1", route.port)
            except OSError as error:
                raise _NotTaken from error
        try:
            answer = await upstream.ask(request, route.port)
        except BaseException:
            upstream.close()
            raise
        if upstream.is_open:
            self._idle.setdefault(route.port, []).append(upstream)
        return answer


class _NotTaken(Exception):
    """The request did not reach the version: it may be sent again."""


class _Upstream(asyncio.Protocol):
    """One connection to a version. One request at a time."""

    def __init__(self, new_parser: Callable[[Any], Any]) -> None:
        self._new_parser = new_parser
        self._transport: Any = None
        self._parser: Any = None
        self._answer: Optional[asyncio.Future[Response]] = None
        self._headers: List[Any] = []
        self._chunks: List[bytes] = []
        self._has_begun = False
        self._asked_before = False
        self.is_open = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.is_open = True

    def connection_lost(self, exc: Optional[Exception]) -> None:  # noqa: ARG002
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            # A version closes an idle connection before it reads from it: what was sent then was not taken.
            fresh = _NotTaken() if self._asked_before and not self._has_begun else ConnectionResetError()
            self._answer.set_exception(fresh)

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    async def ask(self, request: Request, port: int) -> Response:
        """
        Raises:
            _NotTaken: the version closed the connection before it read the request.
            ConnectionError: it broke off its answer.
        """
        self._answer = asyncio.get_event_loop().create_future()
        self._parser = self._new_parser(self)
        self._headers, self._chunks, self._has_begun = [], [], False
        target = request.path + (f"?{request.query}" if request.query else "")
        head = [f"{request.method} {target} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n".encode("latin-1")]
        head += [b"%s: %s\r\n" % pair for pair in request.headers.items() if pair[0] not in _HOP | {b"host"}]
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
        status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.close()
        self._parser = None
        if self._answer is not None and not self._answer.done():
            headers = tuple(pair for pair in self._headers if pair[0] not in _OWN)
            kind = held.get(b"content-type", b"application/octet-stream")
            self._answer.set_result(Response(status, b"".join(self._chunks), kind, headers))


def main(folder: Path) -> int:
    """Route until told to stop; the process's exit code."""
    order = RouterFile(**json.loads((folder / ROUTER_FILE).read_bytes()))
    sys.path.insert(1, order.overlay)
    from httptools import HttpRequestParser, HttpResponseParser

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    router: Any = Router(folder, HttpResponseParser)
    connections = Connections(router, Limits(MAX_BODY_BYTES), HttpRequestParser, lambda _: None)
    listening = socket.socket(fileno=order.socket_fd)
    listening.setblocking(False)
    listening.set_inheritable(False)
    stop = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.cancel)
    loop.run_until_complete(_serve(folder, Path(order.beat), router, connections, listening, stop))
    os._exit(0)


async def _serve(
    folder: Path, beat: Path, router: Router, connections: Connections, listening: socket.socket, stop: Any
) -> None:
    loop = asyncio.get_event_loop()
    server = await loop.create_server(connections.connection, sock=listening, backlog=1024)
    ReplicaState("Healthy", {}).write(folder)
    beaten_s = 0.0
    while not stop.done():
        await asyncio.wait([stop], timeout=LOOK_S)
        router.refresh()
        if time.monotonic() - beaten_s >= BEAT_S:
            beaten_s = time.monotonic()
            connections.sweep()
            write_json(beat, {"at_s": time.time()})
    server.close()
    connections.drain()
    deadline = loop.time() + DRAIN_S
    while connections.open and loop.time() < deadline:
        await asyncio.sleep(0.01)
        connections.sweep()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
