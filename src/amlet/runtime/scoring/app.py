"""What a no-code service answers: from a request to a response, without a socket."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
import traceback
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from amlet.base.ids import uuid4_text
from amlet.runtime.scoring.model import BadRows, ScoringModel
from amlet.runtime.scoring.swagger import swagger

ID_LIMIT = 100
"""Characters of an id header (v1-behaviours 15.13)."""

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

GENERIC = "An unexpected error occurred in scoring script. Check the logs for more info."
"""v1-behaviours 15.13."""


class Request(NamedTuple):
    """One request, whole. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: Dict[bytes, bytes]
    body: bytes


class Response(NamedTuple):
    """One answer; the protocol adds its length and the connection's fate."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Tuple[Tuple[bytes, bytes], ...] = ()


class Refused(Exception):
    """A request that gets an error's status and sentence."""

    def __init__(self, status: int, message: str, *headers: Tuple[bytes, bytes]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class Scoring(NamedTuple):
    """A checked request for a prediction: rows that fit the model, and a method that it has."""

    method: str
    table: Any


class App:
    """Answers requests with a model. Blocks while the model works; safe to call from any thread.

    A prediction takes three steps, `read`, the model's call and `write`, so that requests that arrive together can
    share the middle one.
    """

    def __init__(
        self,
        model: ScoringModel,
        *,
        keys: Optional[Sequence[str]] = None,
        log: Callable[[str], None] = print,
    ) -> None:
        self._model = model
        self._digests = None if keys is None else [hashlib.sha256(key.encode("utf-8")).digest() for key in keys]
        self._log = log

    def answer(self, request: Request) -> Response:
        """The answer to one request; never raises for anything that a request or a model does."""
        ids: Tuple[Tuple[bytes, bytes], ...] = ()
        try:
            ids = _ids(request.headers)
            response = self._routed(request)
        except Refused as error:
            response = message(error.status, error.message, *error.headers)
        return response._replace(headers=response.headers + ids)

    def read(self, request: Request) -> Scoring:
        """Check a request for a prediction.

        Raises:
            Refused: with 415 or 400, and what was expected.
        """
        kind = request.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind != JSON and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
            raise Refused(415, "Expects Content-Type to be application/json")
        try:
            body = json.loads(request.body)
        except RecursionError:
            raise Refused(400, "The body is nested too deeply to be rows of values.") from None
        except ValueError as error:
            raise Refused(400, f"The body is not JSON: {error}.") from None
        if not isinstance(body, dict) or "data" not in body:
            raise Refused(400, 'Expected a JSON object such as {"data": [[...], ...], "method": "predict"}.')
        method = body.get("method")
        if method is None:
            method = self._model.default_method
        if method not in self._model.methods:
            shown = json.dumps(method)[:100]
            raise Refused(400, f"The model has no method {shown}; it has {', '.join(self._model.methods)}.")
        try:
            return Scoring(method, self._model.table(body["data"]))
        except BadRows as error:
            sentence = str(error)
            raise Refused(400, sentence[0].upper() + sentence[1:]) from None

    def write(self, method: str, result: Any) -> bytes:
        """The body of a prediction: an object with one key, the method's name (v1-behaviours 15.5)."""
        return json_bytes({method: result})

    def _routed(self, request: Request) -> Response:
        verbs = _ROUTES.get(request.path)
        if verbs is None:
            raise Refused(404, f"There is nothing at {request.path[:200]}; this service has POST /score.")
        if request.method == "OPTIONS":
            return Response(200, b"", TEXT, ((b"allow", verbs),))
        if request.method.encode("ascii") not in verbs.split(b", "):
            raise Refused(405, "Method not allowed", (b"allow", verbs))
        if request.path == "/":
            return Response(200, b"Healthy", TEXT)
        self._authorize(request)
        return self._swagger(request) if request.path == "/swagger.json" else self._score(request)

    def _authorize(self, request: Request) -> None:
        if self._digests is None:
            return
        scheme, _, key = request.headers.get(b"authorization", b"").partition(b" ")
        digest = hashlib.sha256(key.strip()).digest()
        # Every key is compared, so that the time tells nothing.
        fits = [hmac.compare_digest(digest, held) for held in self._digests]
        if scheme.lower() != b"bearer" or not any(fits):
            challenge = (b"www-authenticate", b"Bearer")
            raise Refused(401, "This service needs a key: send `Authorization: Bearer <key>`.", challenge)

    def _swagger(self, request: Request) -> Response:
        version = next((part[8:] for part in request.query.split("&") if part.startswith("version=")), "2")
        if version not in ("2", "3"):
            raise Refused(404, f"There is no swagger version {version[:20]!r}; there are 2 and 3.")
        return Response(200, json_bytes(swagger(self._model, int(version))))

    def _score(self, request: Request) -> Response:
        scoring = self.read(request)
        started = time.perf_counter()
        try:
            body, status = self.write(scoring.method, self._model.call(scoring.method, scoring.table)), 200
        except (Exception, SystemExit):  # noqa: BLE001 - a foreign class, which may raise anything
            self._log(traceback.format_exc().rstrip("\n"))
            body, status = json_bytes({"message": GENERIC}), 500
        elapsed = b"%.3f" % ((time.perf_counter() - started) * 1000)
        failed = b"True" if status == 500 else b"False"
        # v1-behaviours 15.14.
        return Response(status, body, JSON, ((b"x-ms-run-function-failed", failed), (b"x-ms-run-fn-exec-ms", elapsed)))


def message(status: int, text: str, *headers: Tuple[bytes, bytes]) -> Response:
    """An error's answer (v1-behaviours 15.13)."""
    return Response(status, json_bytes({"message": text}), JSON, headers)


def json_bytes(value: Any) -> bytes:
    """JSON that every parser takes: NaN becomes null, as JavaScript has it, and an infinity 1e999 or -1e999.

    Python, JavaScript and most others read 1e999 as infinity. What JSON has no type for (a date) becomes its text.
    """
    try:
        return _ENCODER.encode(value).encode("ascii")
    except ValueError:
        return _CONSTANTS.sub(_constant, _LENIENT.encode(value)).encode("ascii")


_ROUTES = {"/": b"GET, HEAD, OPTIONS", "/score": b"POST, OPTIONS", "/swagger.json": b"GET, HEAD, OPTIONS"}

_ENCODER = json.JSONEncoder(allow_nan=False, default=str)
_LENIENT = json.JSONEncoder(default=str)
_CONSTANTS = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity')


def _constant(found: re.Match[str]) -> str:
    return {"NaN": "null", "Infinity": "1e999", "-Infinity": "-1e999"}.get(found.group(), found.group())


def _ids(headers: Dict[bytes, bytes]) -> Tuple[Tuple[bytes, bytes], ...]:
    """The id headers of an answer: the caller's own, else a fresh one (v1-behaviours 15.13, 15.14)."""
    given: List[Tuple[bytes, bytes]] = []
    for name in (b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id", b"traceid"):
        value = headers.get(name)
        if value is not None:
            if len(value) > ID_LIMIT:
                raise Refused(431, f"The header {name.decode('ascii')} is longer than {ID_LIMIT} characters.")
            given.append((name, value))
    found = dict(given)
    fresh = found.get(b"x-ms-request-id") or found.get(b"x-request-id") or uuid4_text().encode("ascii")
    return ((b"x-ms-request-id", fresh), *((name, value) for name, value in given if name != b"x-ms-request-id"))
