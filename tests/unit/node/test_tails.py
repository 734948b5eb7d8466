"""Growing files: what was sent, and what is left for the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.node.tails import LAST_BYTES, LAST_FILES, Tail, TailFolder


class Receiver:
    """A server that keeps what it is sent, by offset."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def send(self, name: str, offset: int, data: bytes) -> int:
        held = self.held.get(name, b"")
        if offset <= len(held):
            self.held[name] = held[:offset] + data
        return len(self.held.get(name, b""))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def tail(receiver: Receiver, path: Path) -> Tail:
    return Tail(path, lambda offset, data: receiver.send(path.name, offset, data))


def test_what_was_not_sent_is_the_rest(tmp_path: Path, receiver: Receiver):
    path = tmp_path / "log"
    held = tail(receiver, path)
    assert held.rest() == (0, b"")
    path.write_bytes(b"one\n")
    held.advance()
    path.write_bytes(b"one\ntwo\n")

    assert held.rest() == (4, b"two\n")
    assert receiver.held["log"] == b"one\n"


def test_what_is_long_is_no_rest(tmp_path: Path, receiver: Receiver):
    path = tmp_path / "log"
    path.write_bytes(b"x" * (LAST_BYTES + 1))
    held = tail(receiver, path)
    assert held.rest() is None

    held.drain()
    assert held.rest() == (LAST_BYTES + 1, b"")


def test_the_rest_of_a_folder_is_that_of_each_file_with_one(tmp_path: Path, receiver: Receiver):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "sub" / "b").write_bytes(b"")
    held = TailFolder(tmp_path, receiver.send)
    assert held.rest() == {"a": (0, b"a")}

    held.drain()
    (tmp_path / "sub" / "b").write_bytes(b"b")
    assert held.rest() == {"sub/b": (0, b"b")}


def test_very_many_files_are_no_rest(tmp_path: Path, receiver: Receiver):
    for number in range(LAST_FILES + 1):
        (tmp_path / str(number)).write_bytes(b"x")
    assert TailFolder(tmp_path, receiver.send).rest() is None
