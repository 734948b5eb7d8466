"""What a local server tells of itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from amlet.client.server_file import ServerFile, is_alive

GOOD: dict[str, Any] = {
    "url": "http://127.0.0.1:1",
    "token": "t",
    "pid": 12,
    "version": "1.0",
    "protocol": 1,
    "started": "2026-01-31T12:00:00Z",
}


def test_what_the_server_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    path.write_text(json.dumps(GOOD))
    assert ServerFile.read(path) == ServerFile("http://127.0.0.1:1", "t", 12, "1.0", 1)


def test_no_file_is_no_server(tmp_path: Path) -> None:
    assert ServerFile.read(tmp_path / "server.json") is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b"{}", json.dumps({**GOOD, "pid": "12"}).encode()],
)
def test_a_damaged_file_is_no_server(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    path.write_bytes(content)
    assert ServerFile.read(path) is None


def test_this_process_is_alive_and_impossible_ones_are_not() -> None:
    assert is_alive(os.getpid())
    assert not is_alive(0)
    assert not is_alive(-1)
    assert not is_alive(2**22 + 1)  # above the kernel's greatest pid
