"""Saving what the server sends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amlet.base.errors import NotFound, StorageFailed, Unavailable
from amlet.client.body import Body
from amlet.client.downloads import TRIES, download


class FakeBody(Body):
    """Gives its chunks, then breaks if told to."""

    def __init__(self, *chunks: bytes, breaks: bool = False, total_bytes: int | None = None) -> None:
        self._chunks, self._breaks, self.total_bytes = chunks, breaks, total_bytes

    def chunks(self, chunk_bytes: int = 0) -> Iterator[bytes]:
        yield from self._chunks
        if self._breaks:
            raise Unavailable("broke")

    def close(self) -> None:
        pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_body_becomes_a_file_and_its_folder_is_made(tmp_path: Path) -> None:
    target = tmp_path / "ä b" / "c"
    assert download(FakeBody(b"ab", b"c"), target) == 3
    assert target.read_bytes() == b"abc"
    assert names(target.parent) == ["c"]


def test_a_download_that_can_be_opened_again_goes_on_where_it_broke(tmp_path: Path) -> None:
    content, offsets = b"0123456789", []

    def opened(offset: int) -> Body:
        offsets.append(offset)
        return FakeBody(content[offset : offset + 4], breaks=offset + 4 < len(content), total_bytes=10)

    progress: list[Any] = []
    download(opened, tmp_path / "file", progress=lambda size, total: progress.append((size, total)))
    assert (tmp_path / "file").read_bytes() == content
    assert offsets == [0, 4, 8]
    assert progress == [(4, 10), (8, 10), (10, 10)]


def test_a_download_that_gains_nothing_ends_and_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"before")
    opened: list[int] = []

    def opens(offset: int) -> Body:
        opened.append(offset)
        return FakeBody(breaks=True)

    with pytest.raises(Unavailable):
        download(opens, target)
    assert len(opened) == TRIES
    assert target.read_bytes() == b"before"
    assert names(tmp_path) == ["file"]


def test_a_single_body_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        download(FakeBody(b"ab", breaks=True), tmp_path / "file")
    assert names(tmp_path) == []


def test_what_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    def opens(_offset: int) -> Body:
        raise NotFound("no such file")

    with pytest.raises(NotFound):
        download(opens, tmp_path / "file")
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed, match=r"Cannot write .*file/below"):
        download(FakeBody(b"ab"), tmp_path / "file" / "below")
