"""Addresses of pages: every name is one segment, whatever it holds."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from amlet.wire import pages

NAMES = ["plain", "Prüfung_表", "a b", "a/b", "..", "a%2fb", "a?b#c", '"><script>', "a\\b", "x&y=z"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_segment_of_a_runs_address(name: str) -> None:
    path = pages.run_page("ws_1", name, "run_1")
    assert [unquote(part) for part in path.split("/")] == ["", "w", "ws_1", "e", name, "r", "run_1"]
    assert path.isascii()
    assert not set(path) & set("?#\"<>\\ &'")


def test_the_pages_of_a_workspace_an_experiment_and_a_run_lie_below_each_other() -> None:
    workspace, experiment = pages.workspace_page("ws"), pages.experiment_page("ws", "exp")
    run = pages.run_page("ws", "exp", "run")
    assert (workspace, experiment, run) == ("/w/ws", "/w/ws/e/exp", "/w/ws/e/exp/r/run")


def test_the_address_of_sign_in_carries_the_ticket_and_where_to_go_on() -> None:
    told = parse_qs(urlsplit(pages.sign_in_page(ticket="a.b+c&d", then="/w/ws?status=Failed&before=3")).query)
    assert told == {"ticket": ["a.b+c&d"], "next": ["/w/ws?status=Failed&before=3"]}
    assert pages.sign_in_page(then="/w/ws") == "/signin?next=/w/ws"
