"""What a service answers: its routes, who may ask, what a browser may, and what every answer bears."""

from __future__ import annotations

import os
from typing import Dict, Iterator, Optional, Sequence, Tuple
from urllib.parse import parse_qs

from amlet.runtime.scoring.access import Access
from amlet.runtime.scoring.capture import Capture
from amlet.runtime.scoring.exchange import TEXT, Refused, Request, Response, json_bytes
from amlet.runtime.scoring.metrics import Metrics
from amlet.runtime.scoring.scorer import Scorer, refused

ID_LIMIT = 100
"""Characters of an id header (v1-behaviours 15.13)."""

Headers = Tuple[Tuple[bytes, bytes], ...]

_IDS = frozenset((b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id", b"traceid"))

_READ = ("GET", "HEAD")


class App:
    """The routes of a service. Used on the loop's thread; never blocks."""

    def __init__(
        self,
        scorer: Scorer,
        access: Access,
        metrics: Metrics,
        *,
        cors_origins: Sequence[str] = (),
        capture: Optional[Capture] = None,
    ) -> None:
        self.scorer = scorer
        self.capture = capture
        self.metrics = metrics
        self._access = access
        self._origins = frozenset(origin.encode("latin-1", "replace") for origin in cors_origins)
        self._routes: Dict[str, Tuple[str, ...]] = {
            "/": _READ,
            "/score": scorer.verbs,
            "/swagger.json": _READ,
            "/metrics": _READ,
        }

    def begin(self, request: Request) -> Optional[Response]:
        """The answer of all that needs no prediction, refusals too; None for what the scorer is to answer."""
        try:
            if not _IDS.isdisjoint(request.headers):
                ids(request.headers)
            return self._routed(request)
        except Refused as error:
            return refused(error)

    def finish(self, request: Request, response: Response) -> Response:
        """An answer with what all bear: ids, and what a browser of another origin asks for."""
        try:
            found = ids(request.headers)
        except Refused:
            found = ()
        headers = response.headers + found + (self._cors(request) if self._origins else ())
        return Response(response.status, response.body, response.content_type, headers)

    def refresh(self) -> None:
        """Once a second: what may have changed outside."""
        self._access.refresh()

    @property
    def processes(self) -> int:
        """How many processes answer on the port."""
        return self._access.processes

    def _routed(self, request: Request) -> Optional[Response]:
        verbs = self._routes.get(request.path)
        if verbs is None:
            raise Refused(404, f"There is nothing at {request.path[:200]}; this service has /score.")
        is_score = request.path == "/score"
        if request.method == "OPTIONS" and not (is_score and self.scorer.answers_options):
            allowed = ", ".join(dict.fromkeys((*verbs, "OPTIONS"))).encode("ascii")
            return Response(200, b"", TEXT, ((b"allow", allowed), *self._preflight(request, allowed)))
        if request.method not in verbs:
            raise Refused(
                405, "Method not allowed", (b"allow", ", ".join(dict.fromkeys((*verbs, "OPTIONS"))).encode("ascii"))
            )
        if request.path == "/":
            return Response(200, b"Healthy", TEXT)  # v1-behaviours 15.12
        self._access.check(request.headers)
        if is_score:
            return None
        if request.path == "/metrics":
            return Response(200, self.metrics.text(), b"text/plain; version=0.0.4; charset=utf-8")
        return self._swagger(request)

    def _swagger(self, request: Request) -> Response:
        version = parse_qs(request.query).get("version", ["2"])[0]
        if version not in ("2", "3"):
            raise Refused(404, f"There is no swagger version {version[:20]!r}; there are 2 and 3.")
        return Response(200, json_bytes(self.scorer.swagger(int(version))))

    def _cors(self, request: Request) -> Headers:
        origin = request.headers.get(b"origin")
        if origin is None:
            return ()
        if b"*" in self._origins:
            return ((b"access-control-allow-origin", b"*"),)
        if origin in self._origins:
            return ((b"access-control-allow-origin", origin), (b"vary", b"Origin"))
        return ()

    def _preflight(self, request: Request, allowed: bytes) -> Headers:
        if not self._cors(request):
            return ()
        wanted = request.headers.get(b"access-control-request-headers", b"authorization, content-type")
        return (
            (b"access-control-allow-methods", allowed),
            (b"access-control-allow-headers", wanted[:1000]),
            (b"access-control-max-age", b"600"),
        )


def ids(headers: Dict[bytes, bytes]) -> Headers:
    """The id headers of an answer: the caller's own, else a fresh one (v1-behaviours 15.13, 15.14).

    Raises:
        Refused: with 431, for one that is too long.
    """
    if _IDS.isdisjoint(headers):
        fresh = next(_fresh)
        return ((b"x-request-id", fresh), (b"x-ms-request-id", fresh))
    for name in _IDS:
        if len(headers.get(name, b"")) > ID_LIMIT:
            raise Refused(431, f"The header {name.decode('ascii')} is longer than {ID_LIMIT} characters.")
    own = headers.get(b"x-request-id") or next(_fresh)
    # The same id under its older name, which clients still send and look for.
    older = headers.get(b"x-ms-request-id")
    client = headers.get(b"x-ms-client-request-id") or older
    found = [(b"x-request-id", own), (b"x-ms-request-id", older or client or own)]
    if client:
        found.append((b"x-ms-client-request-id", client))
    if b"traceid" in headers:
        found.append((b"TraceId", headers[b"traceid"]))
    return tuple(found)


def _fresh_ids() -> Iterator[bytes]:
    """Random UUIDs. Randomness is drawn for many at once: a system call for each showed in the answers a second."""
    while True:
        drawn = os.urandom(16 * 256).hex()
        for start in range(0, len(drawn), 32):
            text = drawn[start : start + 32]
            variant = "89ab"[int(text[16], 16) & 3]
            yield f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}".encode("ascii")


_fresh = _fresh_ids()
