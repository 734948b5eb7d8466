"""Tokens, cookies and tickets: who bears one, how long, and that none stands in for another."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from amlet.base.errors import StorageFailed
from amlet.server.tokens import BROWSER_S, TICKET_S, Principal, Tokens, server_key, write_private
from amlet.wire.routes import NODE, OWNER, RUN


class MovedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def tokens(clock: MovedClock) -> Tokens:
    return Tokens(b"k" * 32, "the-owner", clock)


def test_each_kind_of_token_tells_who_bears_it(tokens: Tokens) -> None:
    assert tokens.principal("the-owner") == Principal(OWNER)
    assert tokens.principal(tokens.for_run("ws", "run 'é'\n", 3)) == Principal(RUN, "ws", "run 'é'\n", 3)
    assert tokens.principal(tokens.for_node("local")) == Principal(NODE, node="local")


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "the-owner ", "the-owne", "x.y", "W10.", "\xff\xfe", "\ud800", "a.b.c", "é.é", "\x00", "=" * 100],
)
def test_any_other_text_is_nobodys(text: str, tokens: Tokens) -> None:
    assert tokens.principal(text) is None
    assert tokens.browser(text) is None
    assert not tokens.redeem(text)


def test_a_token_signed_by_another_key_is_nobodys(tokens: Tokens, clock: MovedClock) -> None:
    other = Tokens(b"o" * 32, "another-owner", clock)
    assert tokens.principal(other.for_run("ws", "run", 1)) is None
    assert tokens.principal(other.for_node("local")) is None
    assert tokens.principal(other.owner) is None
    assert tokens.browser(other.for_browser()) is None
    assert not tokens.redeem(other.ticket())


def test_a_part_of_one_token_does_not_pass_with_the_signature_of_another(tokens: Tokens) -> None:
    mine, _, signed = tokens.for_run("ws", "mine", 1).partition(".")
    yours, _, _ = tokens.for_run("ws", "yours", 1).partition(".")
    assert tokens.principal(f"{mine}.{signed}") is not None
    assert tokens.principal(f"{yours}.{signed}") is None


def test_no_kind_stands_in_for_another(tokens: Tokens) -> None:
    run, node, cookie, ticket = (
        tokens.for_run("ws", "run", 1),
        tokens.for_node("n"),
        tokens.for_browser(),
        tokens.ticket(),
    )
    for text in (cookie, ticket):
        assert tokens.principal(text) is None
    for text in (run, node, ticket, tokens.owner):
        assert tokens.browser(text) is None
    for text in (run, node, cookie, tokens.owner):
        assert not tokens.redeem(text)


def test_a_cookie_is_the_owners_by_cookie_and_ends(tokens: Tokens, clock: MovedClock) -> None:
    cookie = tokens.for_browser()
    assert tokens.browser(cookie) == Principal(OWNER, by_cookie=True)
    clock.move(BROWSER_S - 1)
    assert tokens.browser(cookie) is not None
    clock.move(2)
    assert tokens.browser(cookie) is None


def test_a_ticket_is_good_once_and_for_ten_minutes(tokens: Tokens, clock: MovedClock) -> None:
    ticket, late = tokens.ticket(), tokens.ticket()
    assert ticket != late
    assert tokens.redeem(ticket)
    assert not tokens.redeem(ticket)
    clock.move(TICKET_S + 1)
    assert not tokens.redeem(late)
    assert not tokens.redeem(ticket)


def test_no_token_shows_the_key_or_the_owners_token(tokens: Tokens) -> None:
    for text in (tokens.for_run("ws", "run", 1), tokens.for_node("n"), tokens.for_browser(), tokens.ticket()):
        assert "the-owner" not in text
        assert "kkkk" not in text


def test_the_servers_key_is_made_once_for_the_owners_eyes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.key"
    key = server_key(path)
    assert len(key) == 32
    assert server_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]
    monkeypatch.setenv("AMLET_SECRET_KEY", "from elsewhere")
    assert server_key(path) not in (key, b"from elsewhere")


def test_a_private_file_is_replaced_whole_and_closed_even_where_an_open_one_was(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    path.write_text("a longer text that was there before")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_that_cannot_be_kept_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "none" / "secret.key"
    with pytest.raises(StorageFailed, match=r"secret\.key"):
        server_key(path)
