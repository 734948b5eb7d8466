"""Requests in their turn: together, one by one, too late."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from amlet.runtime.scoring.access import Access, AccessFile
from amlet.runtime.scoring.app import App
from amlet.runtime.scoring.dispatch import QUICK_CALLS, Dispatcher
from amlet.runtime.scoring.exchange import Request, Response
from amlet.runtime.scoring.metrics import Metrics, load_of
from amlet.runtime.scoring.scorer import Scorer


class Echo(Scorer):
    """Answers each body with itself; remembers its calls, and waits while told to."""

    def __init__(self) -> None:
        self.calls: list[list[bytes]] = []
        self.free = threading.Event()
        self.free.set()

    def read(self, request: Request) -> bytes:
        return request.body

    def kind(self, item: bytes) -> Any:
        return item[:1] if item[:1].islower() else None

    def answer(self, items: list[bytes]) -> list[Response]:
        self.calls.append(items)
        self.free.wait(20)
        return [Response(200, item) for item in items]


@pytest.fixture
def echo() -> Echo:
    return Echo()


def _app(echo: Echo, folder: Path, **more: Any) -> App:
    AccessFile().write(folder)
    return App(echo, Access(folder), Metrics(folder / "counts", "0"), **more)


def _ask(app: App, bodies: list[bytes], *, free_after: int = 0, **settings: Any) -> list[tuple[int, bytes]]:
    """The answers in the order of `bodies`, all submitted in one turn of the loop."""

    async def ask() -> list[tuple[int, bytes]]:
        loop = asyncio.get_running_loop()
        dispatcher = Dispatcher(app, loop, **settings)
        futures = [loop.create_future() for _ in bodies]
        for body, future in zip(bodies, futures, strict=True):
            dispatcher.submit(Request("POST", "/score", "", {}, body), future.set_result)
        answers = list(await asyncio.wait_for(asyncio.gather(*futures), 20))
        app.scorer.free.set()  # type: ignore[attr-defined]
        return [(answer.status, answer.body) for answer in answers]

    return asyncio.run(ask())


def test_what_arrives_together_shares_a_call_by_kind_and_in_order(echo: Echo, tmp_path: Path) -> None:
    bodies = [b"a1", b"a2", b"b1", b"X", b"X", b"b2", b"b3"]
    assert _ask(_app(echo, tmp_path), bodies) == [(200, body) for body in bodies]
    assert echo.calls == [[b"a1", b"a2"], [b"b1"], [b"X"], [b"X"], [b"b2", b"b3"]]


def test_batching_can_be_turned_off(echo: Echo, tmp_path: Path) -> None:
    _ask(_app(echo, tmp_path), [b"a1", b"a2"], batching=False)
    assert echo.calls == [[b"a1"], [b"a2"]]


def test_quick_calls_stay_on_the_loop_unless_their_scorer_may_hang(tmp_path: Path) -> None:
    class Where(Echo):
        def answer(self, items: list[bytes]) -> list[Response]:
            self.calls.append([threading.current_thread().name.encode()])
            return [Response(200, item) for item in items]

    for may_be_quick in (True, False):
        scorer = Where()
        scorer.may_be_quick = may_be_quick
        _ask(_app(scorer, tmp_path), [b"X"] * (QUICK_CALLS + 1), quick_s=20.0)
        assert (scorer.calls[-1] == [b"MainThread"]) == may_be_quick
        assert scorer.calls[0] != [b"MainThread"]


def test_a_call_past_the_timeout_is_told(echo: Echo, tmp_path: Path) -> None:
    echo.free.clear()
    told = b'{"message": "Scoring timeout after 30 ms"}'  # v1-behaviours 15.13, 15.16
    assert _ask(_app(echo, tmp_path), [b"X"], timeout_ms=30) == [(504, told)]


def test_who_waits_too_long_for_a_turn_is_told_so(echo: Echo, tmp_path: Path) -> None:
    echo.free.clear()
    answers = _ask(_app(echo, tmp_path), [b"X", b"Y", b"Z"], timeout_ms=200, max_wait_ms=20)
    assert [status for status, _ in answers] == [504, 503, 503]  # v1-behaviours 15.16
    assert echo.calls == [[b"X"]]


def test_calls_and_answers_are_counted_over_processes(echo: Echo, tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    AccessFile().write(tmp_path)
    for name in ("0", "1"):
        app = App(echo, Access(tmp_path), Metrics(counts, name))
        _ask(app, [b"a1", b"a2", b"X"])
        app.metrics.answered(504, 1.0)
        app.metrics.write()
    text = app.metrics.text().decode()
    assert 'amlet_requests_total{code="200"} 6\n' in text
    assert "amlet_errors_total 2\n" in text
    assert 'amlet_request_duration_seconds_bucket{le="+Inf"} 8\n' in text
    assert 'amlet_batch_rows_bucket{le="1"} 2\n' in text
    assert "amlet_batch_rows_count 4\n" in text
    load = load_of(counts)
    assert (load.requests, load.errors, load.waiting) == (8, 2, 0)


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (["*"], b"http://a", b"*"),
        (["http://a"], b"http://a", b"http://a"),
        (["http://a"], b"http://b", None),
        ([], b"http://a", None),
    ],
)
def test_a_page_of_another_origin_is_let_in_only_when_told(
    echo: Echo, tmp_path: Path, origins: list[str], origin: bytes, allowed: bytes | None
) -> None:
    app = _app(echo, tmp_path, cors_origins=origins)
    preflight = Request("OPTIONS", "/score", "", {b"origin": origin}, b"")
    response = app.begin(preflight)
    assert response is not None
    headers = dict(app.finish(preflight, response).headers)
    assert headers.get(b"access-control-allow-origin") == allowed
    assert (b"access-control-allow-methods" in headers) == (allowed is not None)
