"""The application: each route has all that belongs to one; what is wrong with a request is told as an answer."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, cast

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from amlet.base import errors
from amlet.base.clock import SystemClock
from amlet.base.errors import AmletError, InvalidInput, TooLarge
from amlet.client.connection import Client
from amlet.server.application import answer_error, make_application
from amlet.server.context import Parts, chunks_within
from amlet.server.handlers import HANDLERS
from amlet.server.lifetime import Lifetime
from amlet.server.openapi import document
from amlet.server.tokens import Tokens
from amlet.wire.codec import Raw
from amlet.wire.errors import STATUS, from_answer
from amlet.wire.routes import ANYONE, BY_NAME, NODE, OWNER, ROUTES, RUN, Route
from amlet.wire.server import PROTOCOL

URL = "http://127.0.0.1:8000"
TOKEN = "the-owner"


class Told(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@contextlib.asynccontextmanager
async def nothing(_app: Starlette) -> AsyncIterator[None]:
    yield


def parts() -> Parts:
    """Only what a request meets before it reaches records."""
    clock = SystemClock()
    known = {
        "url": URL,
        "clock": clock,
        "tokens": Tokens(b"k", TOKEN, clock),
        "lifetime": Lifetime(clock, lambda: None),
    }
    return Parts(**{name: known.get(name) for name in Parts._fields})  # type: ignore[arg-type]


def ask(method: str, path: str, *, body: tuple[bytes, ...] = (b"",), broken: bool = False, **headers: str) -> Told:
    """One request to the application, without a socket."""
    sent = {"host": "127.0.0.1:8000", "authorization": f"Bearer {TOKEN}"}
    sent |= {name.replace("_", "-"): text for name, text in headers.items()}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), text.encode("latin-1")) for name, text in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    coming: list[dict[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in body]
    coming.append({"type": "http.disconnect"} if broken else {"type": "http.request", "body": b"", "more_body": False})
    going: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        going.append(message)

    asyncio.run(make_application(parts(), nothing)(scope, receive, send))
    told = {name.decode(): text.decode() for name, text in going[0]["headers"]}
    return Told(going[0]["status"], told, b"".join(message.get("body", b"") for message in going[1:]))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_has_a_handler_a_client_method_an_operation_and_an_access_list(route: Route) -> None:
    assert inspect.iscoroutinefunction(HANDLERS[route.name])
    noun, verb = route.name.split(".")
    method = getattr(getattr(Client(URL, TOKEN), noun), verb)
    takes = [name for name in inspect.signature(method).parameters if name != "patience_s"]
    in_path = re.findall(r"{(\w+)}", route.path)
    body = {None: [], Raw: ["data", "size_bytes"]}.get(route.body, ["body"])
    assert takes == [*in_path, *body, *(["query"] if route.query else [])]
    assert document(URL)["paths"][route.path][route.method.lower()]["operationId"] == route.name
    assert route.access and set(route.access) <= {ANYONE, OWNER, NODE, RUN}
    assert ANYONE not in route.access or route.access == (ANYONE,)


def test_no_handler_and_no_address_is_there_twice_or_without_a_route() -> None:
    assert set(HANDLERS) == set(BY_NAME)
    assert len(BY_NAME) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_a_runs_token_reaches_only_routes_of_a_workspace() -> None:
    for route in ROUTES:
        if RUN in route.access:
            assert "{workspace_id}" in route.path, route.name


def test_every_class_of_error_has_one_status_and_comes_back_as_itself() -> None:
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, AmletError)]
    for kind in kinds:
        answer = answer_error(kind("What happened.", hint="what to do."))
        assert answer.status_code == (500 if kind is AmletError else STATUS[kind])
        told = from_answer(answer.status_code, bytes(answer.body))
        assert (type(told), told.message, told.hint) == (kind, "What happened.", "what to do.")


def test_an_error_about_any_text_can_be_answered() -> None:
    answer = answer_error(InvalidInput("\ud800 \x00 😀", hint="\udfff"))
    assert json.loads(bytes(answer.body))["error"]["message"] == "\ud800 \x00 😀"


@pytest.mark.parametrize("spoken", ["0", "2", "", "x" * 5000, "\xe9"])
def test_another_protocol_is_a_version_mismatch_on_every_address(spoken: str) -> None:
    for path in ("/api/health", "/api/server", "/api/not-yet-there"):
        told = ask("GET", path, amlet_protocol=spoken)
        error = from_answer(told.status, told.body)
        assert told.status == 426
        assert isinstance(error, errors.VersionMismatch) and error.hint
        assert len(told.body) < 1000


def test_our_own_protocol_and_none_are_understood() -> None:
    assert ask("GET", "/api/health").status == 200
    assert ask("GET", "/api/health", amlet_protocol=str(PROTOCOL)).status == 200


def test_a_token_is_asked_for_before_a_body_is_read() -> None:
    assert ask("POST", "/api/workspaces", body=(b"not JSON",), authorization="").status == 401
    assert ask("POST", "/api/workspaces", body=(b"not JSON",)).status == 400


def test_a_body_that_breaks_off_is_no_fault_of_the_server() -> None:
    told = ask("POST", "/api/workspaces", body=(b'{"name": ',), broken=True)
    assert told.status == 400
    assert "broke off" in from_answer(told.status, told.body).message


def test_an_unknown_address_is_an_error_of_ours_without_a_redirect() -> None:
    for path in ("/api/nothing", "/api/health/"):
        told = ask("GET", path)
        assert told.status == 404
        assert isinstance(from_answer(told.status, told.body), errors.NotFound)
        assert "location" not in told.headers
    told = ask("DELETE", "/api/workspaces/ws/models/m/1/files")
    assert (told.status, told.headers["allow"]) == (405, "GET, HEAD")


class Body:
    """A request's body that counts what was taken of it."""

    def __init__(self, chunk: bytes, count: int, told: str | None = None) -> None:
        self.headers = {} if told is None else {"content-length": told}
        self.taken = 0
        self._chunk, self._count = chunk, count

    async def stream(self) -> AsyncIterator[bytes]:
        for _ in range(self._count):
            self.taken += len(self._chunk)
            yield self._chunk

    def read(self, limit: int) -> int:
        async def all_of_it() -> int:
            return sum([len(chunk) async for chunk in chunks_within(cast("Request", self), limit, hint="less.")])

        return asyncio.run(all_of_it())


def test_a_body_up_to_the_limit_is_taken_whole() -> None:
    assert Body(b"x" * 10, 10).read(100) == 100
    assert Body(b"x" * 10, 10, "100").read(100) == 100


def test_a_body_over_the_limit_is_cut_off_one_chunk_later() -> None:
    body = Body(b"x" * 10, 1_000_000)
    with pytest.raises(TooLarge):
        body.read(95)
    assert body.taken == 100


def test_a_body_that_says_it_is_over_the_limit_is_not_read_at_all() -> None:
    body = Body(b"x", 1_000, "101")
    with pytest.raises(TooLarge):
        body.read(100)
    assert body.taken == 0


@pytest.mark.parametrize("told", ["", "-1", "abc", "٣", "1e9", "9" * 4000])
def test_a_length_that_is_none_changes_nothing(told: str) -> None:
    assert Body(b"x" * 10, 5, told).read(100) == 50
