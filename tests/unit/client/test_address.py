"""Where a server is."""

from __future__ import annotations

import pytest

from amlet.base.errors import InvalidInput
from amlet.client.address import Address


@pytest.mark.parametrize(
    ("url", "host", "port", "prefix"),
    [
        ("http://127.0.0.1:8700", "127.0.0.1", 8700, ""),
        (" http://127.0.0.1:8700/\n", "127.0.0.1", 8700, ""),
        ("http://example.org", "example.org", 80, ""),
        ("https://example.org", "example.org", 443, ""),
        ("https://example.org/team-a/", "example.org", 443, "/team-a"),
        ("https://example.org:8443/a/b", "example.org", 8443, "/a/b"),
        ("http://[::1]:8700", "::1", 8700, ""),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, prefix: str) -> None:
    found = Address.parse(url, "token")
    assert (found.host, found.port, found.prefix) == (host, port, prefix)
    assert found.url == url.strip().rstrip("/")


def test_a_token_may_end_with_the_newline_of_the_file_it_came_from() -> None:
    assert Address.parse("http://a:1", "secret\n").token == "secret"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8700",
        "ftp://a",
        "http://",
        "http://a:port",
        "http://a:99999",
        "http://me:secret@a",
        "http://a?x=1",
        "http://a#x",
        "http://a b",
        "http://ä",
        "http://a\r\nX: 1",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Address.parse(url, "token")
    assert "http://127.0.0.1:8700" in (caught.value.hint or "")


@pytest.mark.parametrize("token", ["a\r\nX: 1", "a b", "tökén"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Address.parse("http://a", token)
    assert token not in str(caught.value)
