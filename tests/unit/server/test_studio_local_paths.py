"""Where a browser may be sent after signing in: nowhere but this server."""

from __future__ import annotations

import pytest

from amlet.server.studio.local_paths import LIMIT, local_path


@pytest.mark.parametrize("path", ["/", "/w/ws_1", "/w/a/e/b%20c/r/d?x=1&y=2", "/w/%E8%A1%A8", "/api/health", "/a:b@c"])
def test_a_path_of_this_server_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "w/ws",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/w\\..\\evil",
        "https://evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " /w",
        "/\t/evil.example",
        "/\n/evil.example",
        "/w\r\nSet-Cookie: a=b",
        "/%2fevil.example",
        "/%5cevil.example",
        "/w\x00",
        "/\u2215evil.example",
        "/表",
        "/" + "a" * LIMIT,
    ],
)
def test_anything_else_is_the_home_page(text: str | None) -> None:
    assert local_path(text) == "/"
