"""A connection's patience, with a transport that only remembers."""

from __future__ import annotations

from typing import Any, cast

import pytest
from httptools import HttpRequestParser

from amlet.runtime.scoring.dispatch import Dispatcher, Reply
from amlet.runtime.scoring.exchange import Request, Response
from amlet.runtime.scoring.protocol import Connection, Connections, Limits

GET = b"GET / HTTP/1.1\r\n\r\n"


class Wire:
    """A transport."""

    def __init__(self) -> None:
        self.sent = b""
        self.ended = ""
        self.reading = True

    def write(self, data: bytes) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.ended in ("closed", "aborted")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = "half closed"

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Later:
    """A dispatcher that answers when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Request, Reply]] = []

    def submit(self, request: Request, reply: Reply) -> None:
        self.asked.append((request, reply))

    def answer(self) -> None:
        self.asked.pop(0)[1](Response(200, b"ok"))


class Line:
    """One connection with all that stands around it."""

    def __init__(
        self, *, patience_s: float = -1.0, max_body_bytes: int = 100, last_call_s: float = 1.0, admits: Any = None
    ) -> None:
        self.later = Later()
        self.log: list[str] = []
        limits = Limits(max_body_bytes, patience_s, patience_s, last_call_s)
        self.all = Connections(cast(Dispatcher, self.later), limits, HttpRequestParser, self.log.append, admits=admits)
        self.wire = Wire()
        self.connection: Connection = self.all.connection()
        self.connection.connection_made(cast(Any, self.wire))

    def send(self, data: bytes) -> None:
        self.connection.data_received(data)


@pytest.mark.parametrize(
    "sent", [b"G", b"GET / HTTP/1.1\r\nA: b\r\n", b"POST /score HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"]
)
def test_a_request_that_stops_half_way_is_told_and_closed(sent: bytes) -> None:
    line = Line()
    line.send(sent)
    line.all.sweep()
    assert line.wire.sent.startswith(b"HTTP/1.1 408 ")
    assert line.wire.ended == "half closed"


def test_a_client_that_says_nothing_is_closed_without_a_word() -> None:
    line = Line()
    line.all.sweep()
    assert (line.wire.sent, line.wire.ended) == (b"", "closed")


def test_a_client_that_waits_for_us_is_never_too_slow() -> None:
    line = Line()
    line.send(GET)
    line.all.sweep()
    assert (line.wire.sent, line.wire.ended) == (b"", "")
    line.later.answer()
    line.all.sweep()
    assert line.wire.ended == "closed"


def test_a_client_that_does_not_read_is_given_up() -> None:
    line = Line()
    line.send(GET)
    line.connection.pause_writing()
    line.all.sweep()
    assert line.wire.ended == "aborted"


def test_nothing_is_read_while_an_answer_is_owed() -> None:
    line = Line(patience_s=60)
    line.send(GET + GET)
    assert (line.wire.reading, len(line.later.asked)) == (False, 1)
    line.later.answer()
    assert (line.wire.reading, len(line.later.asked)) == (False, 1)
    line.later.answer()
    assert line.wire.reading
    assert line.wire.sent.count(b"HTTP/1.1 200 OK") == 2


def test_an_error_waits_for_the_answers_before_it() -> None:
    line = Line(patience_s=60)
    line.send(GET + b"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n")
    assert line.wire.sent == b""
    line.later.answer()
    assert [part[:3] for part in line.wire.sent.split(b"HTTP/1.1 ")[1:]] == [b"200", b"413"]
    assert line.wire.ended == "half closed"


def test_the_bytes_of_all_bodies_are_counted_and_given_back() -> None:
    line = Line(patience_s=60)
    line.send(b"POST / HTTP/1.1\r\nContent-Length: 90\r\n\r\n" + b"x" * 50)
    assert line.all.body_bytes == 50
    line.send(b"x" * 40)
    assert line.all.body_bytes == 90
    line.later.answer()
    assert line.all.body_bytes == 0
    line.send(b"POST / HTTP/1.1\r\nContent-Length: 90\r\n\r\n" + b"x" * 50)
    line.connection.connection_lost(None)
    assert line.all.body_bytes == 0


def test_too_many_bytes_of_bodies_at_once_are_put_off() -> None:
    line = Line(patience_s=60)
    line.all.body_bytes = 399
    line.send(b"POST / HTTP/1.1\r\nContent-Length: 90\r\n\r\n" + b"x" * 50)
    assert line.wire.sent.startswith(b"HTTP/1.1 503 ")
    assert line.all.body_bytes == 399


def test_a_drain_lets_the_busy_finish() -> None:
    line = Line(patience_s=60)
    line.send(GET)
    line.all.drain()
    assert line.wire.ended == ""
    line.later.answer()
    assert b"connection: close" in line.wire.sent
    assert line.wire.ended == "closed"


def test_a_drained_connection_that_is_idle_gets_one_more_answer_or_is_closed_after_a_while() -> None:
    asking = Line(patience_s=60)
    asking.all.drain()
    asking.all.sweep()
    assert asking.wire.ended == ""
    asking.send(GET)
    asking.later.answer()
    assert (b"connection: close" in asking.wire.sent, asking.wire.ended) == (True, "closed")
    silent = Line(patience_s=60, last_call_s=-1)
    silent.all.drain()
    silent.all.sweep()
    assert (silent.wire.sent, silent.wire.ended) == (b"", "closed")


def test_when_processes_come_connections_are_let_go_after_an_answer_and_never_between_two() -> None:
    line = Line(patience_s=60)
    line.all.share_with(1_000_000_000)  # so many that every connection is one of those that leave
    assert line.wire.ended == ""
    line.send(GET + GET)
    line.later.answer()
    assert b"connection: close" not in line.wire.sent
    line.later.answer()
    assert (line.wire.sent.count(b"connection: close"), line.wire.ended) == (1, "closed")
    stays = Line(patience_s=60)
    stays.all.share_with(1)
    stays.send(GET)
    stays.later.answer()
    assert (b"connection: close" in stays.wire.sent, stays.wire.ended) == (False, "")


def test_a_half_closed_client_gets_its_answer() -> None:
    line = Line(patience_s=60)
    line.send(GET)
    assert line.connection.eof_received()
    line.later.answer()
    assert b"200 OK" in line.wire.sent
    assert line.wire.ended == "closed"


def test_what_is_not_admitted_is_refused_before_its_body_is_read() -> None:
    line = Line(admits=lambda headers: headers.get(b"x-from") == b"router")
    line.send(b"POST /score HTTP/1.1\r\nx-from: router\r\ncontent-length: 2\r\n\r\nok")
    assert [request.body for request, _ in line.later.asked] == [b"ok"]
    line.later.answer()
    line.send(b"POST /score HTTP/1.1\r\ncontent-length: 90\r\n\r\n")
    assert b"403 Forbidden" in line.wire.sent and not line.later.asked
    assert line.all.body_bytes == 0
