"""Blobs in a folder: round trips, hostile names, and a disk that fails at any call."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlet.artifacts.base import BlobStore
from amlet.artifacts.folder import BlobFolder
from amlet.base.errors import InvalidInput, StorageFailed, TooLarge
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import BlobLocation


@pytest.fixture
def store(tmp_path: Path) -> BlobFolder:
    return BlobFolder(tmp_path / "blobs")


def put(store: BlobStore, data: bytes) -> BlobLocation:
    with store.writer(sha256_bytes(data), len(data)) as writer:
        for start in range(0, len(data), 7):
            writer.write(data[start : start + 7])
        return writer.commit()


def pack(store: BlobStore, *blobs: bytes) -> list[BlobLocation]:
    return store.write_pack((sha256_bytes(blob), blob) for blob in blobs)


def files(root: Path) -> list[Path]:
    return sorted(place for place in root.rglob("*") if place.is_file())


def test_a_blob_comes_back_whole(store: BlobFolder) -> None:
    location = put(store, b"model bytes")
    assert location == BlobLocation(sha256_bytes(b"model bytes"), 11)
    assert store.read(location) == b"model bytes"
    with store.open(location) as blob:
        assert (blob.read(5), blob.seek(-5, os.SEEK_END), blob.read(), blob.read()) == (b"model", 6, b"bytes", b"")


def test_an_empty_blob_comes_back(store: BlobFolder) -> None:
    assert store.read(put(store, b"")) == b""
    assert store.read(pack(store, b"")[0]) == b""


def test_blobs_and_their_folders_are_the_owners_alone(store: BlobFolder, tmp_path: Path) -> None:
    put(store, b"x")
    pack(store, b"y")
    for place in (tmp_path / "blobs").rglob("*"):
        assert place.stat().st_mode & 0o777 == (0o700 if place.is_dir() else 0o600), place
    assert (tmp_path / "blobs").stat().st_mode & 0o777 == 0o700


def test_members_of_a_pack_are_read_within_their_bounds(store: BlobFolder) -> None:
    one, empty, two = pack(store, b"first", b"", b"second")
    assert (one.pack, one.offset, two.offset) == (two.pack, 0, 5)
    assert [store.read(location) for location in (one, empty, two)] == [b"first", b"", b"second"]
    with store.open(one) as blob:
        assert (blob.read(100), blob.seek(100), blob.read()) == (b"first", 100, b"")


def test_a_pack_is_named_by_its_own_hash(store: BlobFolder, tmp_path: Path) -> None:
    (location,) = pack(store, b"only")
    assert location.pack == sha256_bytes(b"only")
    assert files(tmp_path / "blobs") == [tmp_path / "blobs/packs" / location.pack[:2] / location.pack]


def test_a_pack_of_nothing_leaves_nothing(store: BlobFolder, tmp_path: Path) -> None:
    assert pack(store) == []
    assert files(tmp_path) == []


def test_a_hash_that_comes_twice_is_kept_once(store: BlobFolder) -> None:
    assert len(pack(store, b"a", b"b", b"a")) == 2


@settings(deadline=None)
@given(blobs=st.lists(st.binary(max_size=50), min_size=1, max_size=10, unique=True))
def test_packs_give_back_what_they_took(tmp_path_factory: pytest.TempPathFactory, blobs: list[bytes]) -> None:
    store = BlobFolder(tmp_path_factory.getbasetemp() / "packs")
    assert [store.read(location) for location in pack(store, *blobs)] == blobs


def test_bytes_of_another_hash_are_refused_with_both_named(store: BlobFolder, tmp_path: Path) -> None:
    expected, actual = sha256_bytes(b"a"), sha256_bytes(b"b")
    with store.writer(expected, 10) as writer:
        writer.write(b"b")
        with pytest.raises(InvalidInput, match=f"{expected} have the hash {actual}"):
            writer.commit()
    assert files(tmp_path) == []


def test_a_body_over_its_limit_is_cut_off(store: BlobFolder, tmp_path: Path) -> None:
    with store.writer("0" * 64, 10) as writer:
        writer.write(b"x" * 10)
        with pytest.raises(TooLarge, match="larger than 10 bytes"):
            writer.write(b"x")
    assert files(tmp_path) == []


def test_a_writer_left_without_a_commit_leaves_nothing(store: BlobFolder, tmp_path: Path) -> None:
    with store.writer("0" * 64, 10) as writer:
        writer.write(b"x")
        assert len(files(tmp_path)) == 1
    writer.abort()
    assert files(tmp_path) == []


def test_a_blob_that_is_there_may_come_again_and_mends_a_damaged_one(store: BlobFolder, tmp_path: Path) -> None:
    location = put(store, b"model")
    (place,) = files(tmp_path)
    place.write_bytes(b"mod")
    assert put(store, b"model") == location
    assert store.read(location) == b"model"


def test_many_threads_may_write_the_same_blob(store: BlobFolder, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        locations = set(pool.map(lambda _: put(store, b"same bytes"), range(40)))
    assert len(locations) == 1
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "0" * 62 + "/x"])
def test_what_is_no_hash_never_becomes_a_path(store: BlobFolder, tmp_path: Path, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.writer(name, 1),
        lambda: store.write_pack([(name, b"x")]),
        lambda: store.read(BlobLocation(name, 1)),
        lambda: store.open(BlobLocation("0" * 64, 1, name)),
        lambda: store.remove(BlobLocation(name, 1)),
    ]
    for call in calls:
        with pytest.raises(InvalidInput, match="is not a SHA-256 hash"):
            call()
    assert files(tmp_path) == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_missing_file_is_named(store: BlobFolder, tmp_path: Path, packed: bool) -> None:
    location = pack(store, b"x")[0] if packed else put(store, b"x")
    (place,) = files(tmp_path)
    store.remove(location)
    store.remove(location)
    for call in (store.open, store.read):
        with pytest.raises(StorageFailed, match=f"{location.sha256} is missing .* no file {place}"):
            call(location)


def test_a_file_that_lost_its_end_is_an_error(store: BlobFolder, tmp_path: Path) -> None:
    location = put(store, b"model bytes")
    with store.open(location) as blob:
        files(tmp_path)[0].write_bytes(b"model")
        with pytest.raises(StorageFailed, match="is damaged"):
            blob.read()
    with pytest.raises(StorageFailed, match="ends before its 11 bytes do"):
        store.open(location)


def test_an_open_reader_outlives_the_removal(store: BlobFolder) -> None:
    location = put(store, b"model")
    with store.open(location) as blob:
        store.remove(location)
        assert blob.read() == b"model"


def test_a_sweep_removes_only_what_is_old(store: BlobFolder, tmp_path: Path) -> None:
    assert store.sweep_temporary(0) == 0
    location = put(store, b"whole")
    with store.writer("0" * 64, 10) as old, store.writer("1" * 64, 10) as young:
        old.write(b"x")
        [partial] = files(tmp_path / "blobs/incoming")
        young.write(b"y")
        os.utime(partial, (0, 0))
        assert store.sweep_temporary(3_600) == 1
        assert len(files(tmp_path / "blobs/incoming")) == 1
    assert store.read(location) == b"whole"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EIO])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "mkdir"])
@pytest.mark.parametrize("writes", [put, pack])
def test_a_disk_that_fails_at_any_call_leaves_the_store_as_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    writes: Callable[[BlobStore, bytes], object],
    call: str,
    code: int,
) -> None:
    prior = put(BlobFolder(tmp_path / "blobs"), b"prior")
    real = getattr(os, call)
    for nth in range(1, 20):
        store = BlobFolder(tmp_path / "blobs")
        left = nth

        def failing(*arguments: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(code, os.strerror(code))
            return real(*arguments, **named)

        data = b"new bytes, a few at a time %d" % nth
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                writes(store, data)
                failed = False
            except StorageFailed as error:
                failed = True
                assert str(tmp_path) in error.message
        assert store.read(prior) == b"prior"
        assert files(tmp_path / "blobs/incoming") == []
        for place in files(tmp_path / "blobs"):
            assert sha256_bytes(place.read_bytes()) == place.name
        if not failed:
            assert left > 0
            break
        writes(store, data)  # works again when the cause is gone
    else:
        pytest.fail("every call failed")
