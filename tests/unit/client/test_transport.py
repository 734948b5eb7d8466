"""One call: encoded, sent, tried again while there is patience, decoded."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pytest

from amlet.base.errors import AmletError, Conflict, InvalidInput, NotFound, Unauthorized, Unavailable
from amlet.client.address import Address
from amlet.client.body import Broken
from amlet.client.pool import Answer, Request
from amlet.client.transport import ANSWER_S, Transport
from amlet.wire import codec, routes
from amlet.wire.errors import to_answer
from amlet.wire.files import FileQuery
from amlet.wire.nodes import TakeLease
from amlet.wire.runs import RunQuery, WatchQuery
from amlet.wire.server import PROTOCOL, Health, StopServer

REFUSED = Broken("Cannot connect to http://a: refused.", refused=True)
RESET = Broken("The connection to http://a broke: reset.")


class FakeBody:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> bytes:
        return self.content

    def chunks(self) -> Iterator[bytes]:
        yield self.content

    def __enter__(self) -> FakeBody:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Exchange(NamedTuple):
    address: Address
    request: Request
    timeout_s: float


class FakePool:
    """Answers, or breaks, as it is told; the last outcome stays."""

    def __init__(self, *outcomes: Answer | Exception) -> None:
        self.outcomes = list(outcomes)
        self.exchanges: list[Exchange] = []

    def exchange(self, address: Address, request: Request, timeout_s: float) -> Answer:
        self.exchanges.append(Exchange(address, request, timeout_s))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        pass


class MovedClock:
    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, timezone.utc)

    def monotonic(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds


def answer(content: bytes, status: int = 200) -> Answer:
    body: Any = FakeBody(content)
    return Answer(status, body)


def error_answer(error: AmletError) -> Answer:
    status, body = to_answer(error)
    return answer(json.dumps(body).encode(), status)


HEALTHY = answer(codec.to_json(Health("ok", "1.0", PROTOCOL)))


class Found:
    """What the local server's file says."""

    def __init__(self, *found: tuple[str, str] | Exception | None) -> None:
        self.found = list(found)
        self.asked = 0

    def __call__(self) -> tuple[str, str] | None:
        self.asked += 1
        outcome = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def transport(pool: Any, *, refresh: Found | None = None, patience_s: float = 30.0) -> Transport:
    clock = MovedClock()
    return Transport(
        "http://a/team",
        "t",
        pool=pool,
        clock=clock,
        sleep=clock.sleep,
        refresh=refresh,
        patience_s=patience_s,
        log_path="/home/server.log",
    )


def test_an_answer_is_decoded_and_fields_of_a_newer_server_are_passed_over() -> None:
    pool = FakePool(answer(b'{"status":"ok","version":"9","protocol":1,"new":[1]}'))
    assert transport(pool).call(routes.HEALTH) == Health("ok", "9", 1)


def test_the_protocol_and_the_kind_of_body_are_told() -> None:
    pool = FakePool(answer(b"{}"))
    transport(pool).call(routes.STOP, body=StopServer(True))
    request = pool.exchanges[0].request
    assert request.headers["Amlet-Protocol"] == str(PROTOCOL)
    assert request.headers["Content-Type"] == "application/json"
    assert request.data == b'{"cancel_runs":true}'


def test_every_parameter_is_one_segment_whatever_is_in_it() -> None:
    pool = FakePool(answer(b"{}"))
    transport(pool).call(routes.MODEL_DELETE, "w/../x?a=1#b%2f", "ä ;&\\", 3)
    target = pool.exchanges[0].request.target
    assert target == "/api/workspaces/w%2F..%2Fx%3Fa%3D1%23b%252f/models/%C3%A4%20%3B%26%5C/3"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_proxies_resolve_is_not_sent(name: str) -> None:
    pool = FakePool(HEALTHY)
    with pytest.raises(NotFound):
        transport(pool).call(routes.WORKSPACE_GET, name)
    assert not pool.exchanges


def test_text_that_is_no_unicode_is_bad_input() -> None:
    pool = FakePool(HEALTHY)
    with pytest.raises(InvalidInput):
        transport(pool).call(routes.WORKSPACE_GET, "a\udc80")
    with pytest.raises(InvalidInput):
        transport(pool).call(routes.RUN_FILE, "w", "r", query=FileQuery("a\udc80"))
    assert not pool.exchanges


def test_a_query_is_encoded_and_what_is_none_is_left_out() -> None:
    pool = FakePool(answer(b'{"runs":[],"next":null}'))
    transport(pool).call(routes.RUN_LIST, "w", query=RunQuery(experiment="a&b=c ü", limit=5))
    assert pool.exchanges[0].request.target == "/api/workspaces/w/runs?experiment=a%26b%3Dc+%C3%BC&limit=5"


@pytest.mark.parametrize(
    ("route", "parameters", "body", "query"),
    [
        (routes.RUN_WATCH, ("w", "r"), None, WatchQuery(3, 25.0)),
        (routes.NODE_TAKE, (), TakeLease("local", "local", 25.0), None),
    ],
)
def test_a_waiting_call_gives_the_server_the_time_it_asks_for(
    route: routes.Route, parameters: tuple[str, ...], body: Any, query: Any
) -> None:
    pool = FakePool(error_answer(NotFound("no")))
    with pytest.raises(NotFound):
        transport(pool).call(route, *parameters, body=body, query=query)
    assert pool.exchanges[0].timeout_s == ANSWER_S + 25


def test_a_broken_connection_is_made_again() -> None:
    pool = FakePool(RESET, RESET, HEALTHY)
    assert transport(pool).call(routes.HEALTH).status == "ok"
    assert len(pool.exchanges) == 3


def test_a_server_that_is_busy_is_asked_again() -> None:
    busy = error_answer(Unavailable("The database is locked."))
    pool = FakePool(busy, answer(b"<html>", 502), HEALTHY)
    assert transport(pool).call(routes.HEALTH).status == "ok"


def test_a_server_that_stays_busy_is_told_in_its_own_words() -> None:
    with pytest.raises(Unavailable, match="The database is locked"):
        transport(FakePool(error_answer(Unavailable("The database is locked.")))).call(routes.HEALTH)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_a_server_behind_it_is_unavailable(status: int) -> None:
    with pytest.raises(Unavailable, match=f"a proxy answers {status}"):
        transport(FakePool(answer(b"<html>", status))).call(routes.HEALTH)


def test_when_patience_is_over_the_error_names_the_url_and_the_log() -> None:
    pool = FakePool(REFUSED)
    with pytest.raises(Unavailable) as caught:
        transport(pool).call(routes.HEALTH)
    assert "http://a/team" in caught.value.message and "30 s" in caught.value.message
    assert "`amlet server status`" in (caught.value.hint or "") and "/home/server.log" in (caught.value.hint or "")
    assert 50 < len(pool.exchanges) < 200


def test_a_call_may_have_a_patience_of_its_own() -> None:
    pool = FakePool(RESET)
    with pytest.raises(Unavailable):
        transport(pool).call(routes.HEALTH, patience_s=0)
    assert len(pool.exchanges) == 1


def test_endless_patience_outlives_any_absence() -> None:
    pool = FakePool(*[REFUSED] * 5000, HEALTHY)
    assert transport(pool).call(routes.HEALTH, patience_s=math.inf).status == "ok"


def test_a_refusal_is_raised_at_once_as_the_server_raised_it() -> None:
    pool = FakePool(error_answer(Conflict("taken", hint="choose another")))
    with pytest.raises(Conflict) as caught:
        transport(pool).call(routes.HEALTH)
    assert caught.value.hint == "choose another"
    assert len(pool.exchanges) == 1


def test_a_server_that_started_again_elsewhere_is_found() -> None:
    pool = FakePool(REFUSED, HEALTHY)
    found = Found(("http://b", "t2"))
    held = transport(pool, refresh=found)
    assert held.call(routes.HEALTH).status == "ok"
    assert (held.url, held.token) == ("http://b", "t2")
    assert pool.exchanges[1].address.host == "b"


def test_nobody_looks_for_another_server_while_one_is_there() -> None:
    found = Found(("http://b", "t2"))
    held = transport(FakePool(RESET, HEALTHY), refresh=found)
    held.call(routes.HEALTH)
    assert found.asked == 0
    assert held.url == "http://a/team"


def test_a_server_that_does_not_start_again_is_told_when_patience_is_over() -> None:
    found = Found(Unavailable("The amlet server could not be started: it ended at once."))
    with pytest.raises(Unavailable, match="could not be started"):
        transport(FakePool(REFUSED), refresh=found).call(routes.HEALTH)
    assert found.asked > 10


def test_a_token_that_changed_is_read_again_once() -> None:
    refused = error_answer(Unauthorized("no"))
    assert transport(FakePool(refused, HEALTHY), refresh=Found(("http://a/team", "t2"))).call(routes.HEALTH)
    pool = FakePool(refused)
    with pytest.raises(Unauthorized):
        transport(pool, refresh=Found(("http://a/team", "t2"), ("http://a/team", "t3"))).call(routes.HEALTH)
    assert len(pool.exchanges) == 2


def test_a_token_that_stays_wrong_is_refused_at_once() -> None:
    pool = FakePool(error_answer(Unauthorized("no")))
    with pytest.raises(Unauthorized):
        transport(pool, refresh=Found(("http://a/team", "t"))).call(routes.HEALTH)
    assert len(pool.exchanges) == 1


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"status":1}', b"\xff"])
def test_an_answer_that_is_not_ours_says_so(content: bytes) -> None:
    with pytest.raises(AmletError, match=r"does not answer server\.health as an amlet server does") as caught:
        transport(FakePool(answer(content))).call(routes.HEALTH)
    assert not isinstance(caught.value, (InvalidInput, Unavailable))
