"""The process of an endpoint, or of a service on several nodes: `python router.py <folder>`. It hands each request on.

It answers on the listening socket that it inherited, as a replica does, until SIGTERM. Which version answers where and
gets how many of the requests lies in `routes.json`, which may change while it runs. Who may ask is checked by the
replicas: what a client sends reaches them as it came. A request that nobody took is sent elsewhere; one that was taken
is not, as its script may have done something by then.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # In place of this file's own folder, whose names are not for everyone to import.
    sys.path[0] = str(Path(__file__).resolve().parents[3])

import asyncio
import itertools
import json
import os
import signal
import socket
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set

from amlet.runtime.attempt import write_json
from amlet.runtime.scoring.exchange import TEXT, Request, Response, message
from amlet.runtime.scoring.files import MAX_BODY_BYTES, ReplicaState
from amlet.runtime.scoring.metrics import summed
from amlet.runtime.scoring.protocol import Connections, Limits
from amlet.runtime.scoring.turns import ROUTES_FILE, Place, Route, Routes, Turns
from amlet.runtime.scoring.upstream import NotReached, NotTaken, Upstream, connect

ROUTER_FILE = "router.json"
LOOK_S = 0.1
BEAT_S = 1.0
DRAIN_S = 5.0
PASSED_OVER_S = 1.0
"""So long a place that takes no connection is asked only when no other is left."""
SHARED_S = 1.0
"""So long a connection is kept to where several processes answer: one that came since gets none of those before it."""
PATIENCE_S = 10.0
"""So long a place that is gone from the routes may go on with what it answers."""
VERSION_HEADER = b"x-amlet-version"
"""In an answer, the version that gave it; in a request, the version that is to answer, whatever its share."""
_TRY_AGAIN = (b"retry-after", b"1")


class RouterFile(NamedTuple):
    """What a router is started with."""

    socket_fd: int
    overlay: str
    beat: str
    """The file that it writes every second."""
    is_endpoint: bool = True
    """Whether there are versions behind it; else one service on several nodes."""

    def write(self, folder: Path) -> None:
        write_json(folder / ROUTER_FILE, self._asdict())


class Router:
    """Answers requests by asking a replica. Used on the loop's thread."""

    def __init__(self, folder: Path, new_parser: Callable[[Any], Any], *, is_endpoint: bool = True) -> None:
        self._folder = folder
        self._new_parser = new_parser
        self._is_endpoint = is_endpoint
        self._turns = Turns([])
        self._seen: Optional[int] = None
        self._idle: Dict[Place, List[Upstream]] = {}
        self._busy: Dict[Place, Set[Upstream]] = {}
        self._passed_over: Dict[Place, float] = {}
        """Until when, by the loop's clock."""
        self._asked_last: Dict[Place, int] = {}
        self._count = itertools.count(1)
        self._going: Set[asyncio.Future[None]] = set()
        self.refresh()

    def refresh(self) -> None:
        """Take in routes that were written anew, and say that requests go by them."""
        try:
            stamp = (self._folder / ROUTES_FILE).stat().st_mtime_ns
            if stamp == self._seen:
                return
            number, routes = Routes.read(self._folder)
            self._turns, self._seen = Turns(routes), stamp
            ReplicaState("Healthy", {"number": number}).write(self._folder)
        except (OSError, ValueError):
            return
        for place in set(self._idle).union(self._busy).difference(self._turns.places):
            for upstream in self._idle.pop(place, []):
                upstream.close()
            for upstream in self._busy.pop(place, ()):
                asyncio.get_event_loop().call_later(PATIENCE_S, upstream.close)

    def submit(self, request: Request, reply: Callable[[Response], None]) -> None:
        """Answer a request: at once what is the router's own, later what a replica is to answer."""
        if request.path == "/" and request.method in ("GET", "HEAD"):
            is_able = self._turns.next() is not None
            reply(Response(200, b"Healthy", TEXT) if is_able else message(503, f"No {self._noun} answers."))
            return
        task = asyncio.ensure_future(self._handed(request, reply))
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    @property
    def _noun(self) -> str:
        return "version of this endpoint" if self._is_endpoint else "process of this service"

    async def _handed(self, request: Request, reply: Callable[[Response], None]) -> None:
        wanted = request.headers.get(VERSION_HEADER) if self._is_endpoint else None
        if request.path == "/metrics" and request.method == "GET":
            answer = await self._metrics(request, wanted)
        else:
            answer = await self._answer(request, wanted)
        reply(answer)

    async def _answer(self, request: Request, wanted: Optional[bytes]) -> Response:
        tried: Set[Place] = set()
        version = self._version(wanted)
        if version is None:
            self.refresh()
            version = self._version(wanted)
        if version is None and wanted is not None:
            return message(404, f"This endpoint has no version {wanted.decode('latin-1')[:100]!r} that answers.")
        if version is None:
            return message(503, f"No {self._noun} answers yet.", _TRY_AGAIN)
        while True:
            if not self._turns.of(version):  # it went meanwhile
                version = self._version(wanted) or version
            route = self._route(version, tried)
            if route is None:
                return message(503, f"The {self._noun} that was to answer does not take requests.", _TRY_AGAIN)
            try:
                answer = await self._ask(route, request)
            except NotTaken:
                tried.add(route.place)
                self.refresh()  # it may just have gone
                continue
            except ConnectionError:
                who = f"Version {version}" if self._is_endpoint else "The process"
                return message(502, f"{who} ended while it answered.")
            if not self._is_endpoint:
                return answer
            return answer._replace(headers=(*answer.headers, (VERSION_HEADER, version.encode("latin-1"))))

    def _version(self, wanted: Optional[bytes]) -> Optional[str]:
        if wanted is None:
            return self._turns.next()
        name = wanted.decode("latin-1")
        return name if self._turns.of(name) else None

    def _route(self, version: str, tried: Set[Place]) -> Optional[Route]:
        """Where fewest requests are on their way for each process, of several such by turns; nowhere twice."""
        now_s = asyncio.get_event_loop().time()
        able = [route for route in self._turns.of(version) if route.place not in tried]

        def load(route: Route) -> Any:
            is_passed_over = self._passed_over.get(route.place, 0.0) > now_s
            on_their_way = len(self._busy.get(route.place, ())) / max(route.processes, 1)
            return is_passed_over, on_their_way, self._asked_last.get(route.place, 0)

        if not able:
            return None
        found = min(able, key=load)
        self._asked_last[found.place] = next(self._count)
        return found

    async def _ask(self, route: Route, request: Request) -> Response:
        """
        Raises:
            NotTaken: nobody took the request there.
            ConnectionError: its answer broke off.
        """
        idle = self._idle.setdefault(route.place, [])
        while idle:
            upstream = idle.pop(0)  # by turns: several processes may answer there, and each has its connections
            if upstream.is_open:
                try:
                    return await self._ask_by(upstream, route, request)
                except NotTaken:
                    continue  # it was closed meanwhile, for want of requests
        if route.place not in self._turns.places:
            raise NotReached  # nobody would notice there that it waits in vain
        try:
            upstream = await connect(route, self._new_parser)
        except NotReached:
            self._passed_over[route.place] = asyncio.get_event_loop().time() + PASSED_OVER_S
            raise
        self._passed_over.pop(route.place, None)
        return await self._ask_by(upstream, route, request)

    async def _ask_by(self, upstream: Upstream, route: Route, request: Request) -> Response:
        busy = self._busy.setdefault(route.place, set())
        busy.add(upstream)
        try:
            answer = await upstream.ask(request, route)
        except BaseException:
            upstream.close()
            raise
        finally:
            busy.discard(upstream)
        is_kept = route.processes == 1 or upstream.age_s < SHARED_S
        if is_kept and upstream.is_open and route.place in self._turns.places:
            self._idle.setdefault(route.place, []).append(upstream)
        else:
            upstream.close()
        return answer

    async def _metrics(self, request: Request, wanted: Optional[bytes]) -> Response:
        """The counts of all replicas, summed; an answer that is none of counts is handed on as it is."""
        name = None if wanted is None else wanted.decode("latin-1")
        routes = [route for route in self._turns.routes if name in (None, route.version)]
        asked = [self._ask(route, request) for route in routes]
        told = await asyncio.gather(*asked, return_exceptions=True)
        answers = [answer for answer in told if isinstance(answer, Response)]
        refusal = next((answer for answer in answers if answer.status != 200), None)
        if not answers:
            return message(503, f"No {self._noun} answers.", _TRY_AGAIN)
        return refusal or answers[0]._replace(body=summed([answer.body for answer in answers]))


def main(folder: Path) -> int:
    """Route until told to stop; the process's exit code."""
    order = RouterFile(**json.loads((folder / ROUTER_FILE).read_bytes()))
    sys.path.insert(1, order.overlay)
    from httptools import HttpRequestParser, HttpResponseParser

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    router: Any = Router(folder, HttpResponseParser, is_endpoint=order.is_endpoint)
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
    if ReplicaState.read(folder) is None:
        ReplicaState("Healthy", {"number": 0}).write(folder)
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
