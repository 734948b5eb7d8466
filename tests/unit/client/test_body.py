"""Answers that are read as they come."""

from __future__ import annotations

import http.client
from typing import Any

import pytest

from amlet.base.errors import Unavailable
from amlet.client.body import Body


class FakeResponse:
    """What http.client gives: chunks, an early end, or an error in the middle."""

    def __init__(self, *chunks: bytes | BaseException, length: int | None, will_close: bool = False) -> None:
        self.chunks: list[bytes | BaseException] = list(chunks)
        self.length = length
        self.will_close = will_close
        self.headers: dict[str, str] = {}
        self.closed = False

    def getheader(self, name: str) -> str | None:
        return self.headers.get(name)

    def read1(self, _size: int) -> bytes:
        chunk = self.chunks.pop(0) if self.chunks else b""
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk

    def close(self) -> None:
        self.closed = True


def body_of(response: Any, released: list[bool]) -> Body:
    return Body(response, "http://a", released.append)


def test_a_body_read_to_its_end_gives_its_connection_back_once() -> None:
    released: list[bool] = []
    with body_of(FakeResponse(b"ab", b"c", length=3), released) as body:
        assert body.read() == b"abc"
        assert released == [True]
        assert body.read() == b""
    assert released == [True]


def test_a_body_left_half_read_closes_its_connection() -> None:
    released: list[bool] = []
    with body_of(FakeResponse(b"ab", b"c", length=3), released) as body:
        next(body.chunks())
    assert released == [False]


def test_a_server_that_hangs_up_after_its_answer_is_not_asked_again_on_that_connection() -> None:
    released: list[bool] = []
    body_of(FakeResponse(b"abc", length=3, will_close=True), released).read()
    assert released == [False]


def test_an_answer_that_ends_early_is_no_whole_answer() -> None:
    released: list[bool] = []
    with pytest.raises(Unavailable, match="1 bytes before the end"):
        body_of(FakeResponse(b"ab", length=3), released).read()
    assert released == [False]


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), http.client.IncompleteRead(b""), TimeoutError()])
def test_a_connection_that_breaks_in_mid_answer_is_unavailable(error: Exception) -> None:
    released: list[bool] = []
    with pytest.raises(Unavailable, match="http://a broke in mid-answer"):
        body_of(FakeResponse(b"ab", error, length=None), released).read()
    assert released == [False]


def test_a_key_pressed_in_mid_answer_closes_the_connection() -> None:
    released: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        body_of(FakeResponse(b"ab", KeyboardInterrupt(), length=3), released).read()
    assert released == [False]


@pytest.mark.parametrize(("header", "total"), [("12", 12), ("", None), ("x", None), ("-1", None)])
def test_the_total_size_is_told_when_the_server_told_it(header: str, total: int | None) -> None:
    response = FakeResponse(length=0)
    response.headers["Amlet-Total-Bytes"] = header
    assert body_of(response, []).total_bytes == total
