"""Blobs whose upload broke off: kept, gone on with, bounded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from amlet.artifacts import folder as folders
from amlet.artifacts.base import Begun
from amlet.artifacts.beginnings import LIMIT
from amlet.artifacts.folder import BlobFolder
from amlet.base.errors import Conflict, InvalidInput
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import PACK_LIMIT_BYTES, BlobLocation

DATA = b"a model of some bytes"
SHA256 = sha256_bytes(DATA)
ROOM = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> BlobFolder:
    return BlobFolder(tmp_path / "blobs")


def leave(store: BlobFolder, sha256: str, beginning: bytes, offset: int = 0) -> None:
    writer = store.writer(sha256, ROOM, offset)
    writer.write(beginning)
    writer.leave()


def files(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.rglob("*") if place.is_file())


def test_what_was_left_is_gone_on_with(store: BlobFolder, tmp_path: Path) -> None:
    leave(store, SHA256, DATA[:5])
    assert store.begun(SHA256) == Begun(5, False)
    leave(store, SHA256, DATA[5:9], 5)
    with store.writer(SHA256, ROOM, 9) as writer:
        assert store.begun(SHA256) == Begun(9, True)
        writer.write(DATA[9:])
        assert writer.commit() == BlobLocation(SHA256, len(DATA))
    assert store.read(BlobLocation(SHA256, len(DATA))) == DATA
    assert files(tmp_path) == [SHA256]
    assert store.begun(SHA256) == Begun(0, False)


def test_a_blob_of_which_all_came_but_the_end_of_the_call_needs_no_more_bytes(store: BlobFolder) -> None:
    leave(store, SHA256, DATA)
    with store.writer(SHA256, ROOM, len(DATA)) as writer:
        assert writer.commit().size_bytes == len(DATA)


def test_the_longest_beginning_is_kept(store: BlobFolder, tmp_path: Path) -> None:
    leave(store, SHA256, DATA[:9])
    leave(store, SHA256, DATA[:4])
    assert store.begun(SHA256).size_bytes == 9
    leave(store, SHA256, DATA[:12])
    assert store.begun(SHA256).size_bytes == 12
    assert files(tmp_path) == [SHA256]


def test_two_never_go_on_with_the_same_file(store: BlobFolder) -> None:
    leave(store, SHA256, DATA[:9])
    first, second = store.writer(SHA256, ROOM, 9), store.writer(SHA256, ROOM, 9)
    first.write(DATA[9:])
    with pytest.raises(Conflict, match="keeps 0 bytes of blob"):
        second.write(DATA[9:])
    assert first.commit().size_bytes == len(DATA)


@pytest.mark.parametrize("offset", [1, 8, 10, 1 << 60])
def test_another_offset_than_is_kept_is_refused(offset: int, store: BlobFolder) -> None:
    leave(store, SHA256, DATA[:9])
    with pytest.raises(Conflict), store.writer(SHA256, ROOM, offset) as writer:
        writer.write(b"x")
    assert store.begun(SHA256) == Begun(9, False)


def test_a_negative_offset_is_refused(store: BlobFolder) -> None:
    with pytest.raises(InvalidInput, match="0 or more"):
        store.writer(SHA256, ROOM, -1)


def test_a_false_beginning_is_found_out_and_forgotten(store: BlobFolder, tmp_path: Path) -> None:
    leave(store, SHA256, b"xxxxx")
    with pytest.raises(InvalidInput, match="have the hash"), store.writer(SHA256, ROOM, 5) as writer:
        writer.write(DATA[5:])
        writer.commit()
    assert files(tmp_path) == []


def test_no_more_than_so_many_are_kept_and_the_oldest_goes(store: BlobFolder, tmp_path: Path) -> None:
    for number in range(LIMIT + 3):
        leave(store, f"{number:064x}", b"x")
        os.utime(tmp_path / "blobs" / "beginnings" / f"{number:064x}", (number, number))
    kept = files(tmp_path)
    assert len(kept) == LIMIT
    assert kept[0] == f"{3:064x}"


def test_old_ones_are_swept(store: BlobFolder, tmp_path: Path) -> None:
    leave(store, SHA256, DATA[:5])
    leave(store, "0" * 64, DATA[:5])
    os.utime(tmp_path / "blobs" / "beginnings" / SHA256, (0, 0))
    assert store.sweep_beginnings(3600) == 1
    assert files(tmp_path) == ["0" * 64]


def test_a_store_that_was_killed_keeps_what_it_had_of_large_blobs(tmp_path: Path) -> None:
    large = os.urandom(PACK_LIMIT_BYTES + 10)
    killed = BlobFolder(tmp_path / "blobs")
    big, small = killed.writer(sha256_bytes(large), ROOM), killed.writer(SHA256, ROOM)
    big.write(large[:-5])
    small.write(DATA[:5])
    store = BlobFolder(tmp_path / "blobs")
    store.take_up()
    assert files(tmp_path) == [sha256_bytes(large)]
    with store.writer(sha256_bytes(large), ROOM, len(large) - 5) as writer:
        writer.write(large[-5:])
        assert store.read(writer.commit()) == large


def test_a_file_cut_by_a_power_failure_is_read_anew(tmp_path: Path) -> None:
    store = BlobFolder(tmp_path / "blobs")
    leave(store, SHA256, DATA[:9])
    (tmp_path / "blobs" / "beginnings" / SHA256).write_bytes(DATA[:6])
    with store.writer(SHA256, ROOM, 6) as writer:
        writer.write(DATA[6:])
        assert store.read(writer.commit()) == DATA


def test_a_writer_that_went_silent_is_taken_over(store: BlobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = store.writer(SHA256, ROOM)
    writer.write(DATA[:5])
    assert store.begun(SHA256, take_over=True) == Begun(0, True)
    monkeypatch.setattr(folders, "STALLED_S", -1.0)
    assert store.begun(SHA256, take_over=True) == Begun(5, False)
    with pytest.raises(Conflict, match="took the place"):
        writer.write(DATA[5:])
    writer.abort()
    assert store.begun(SHA256) == Begun(5, False)
