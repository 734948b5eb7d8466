"""Packs: round trips, and what a reader refuses."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlet.base.errors import InvalidInput, TooLarge
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import PACK_LIMIT_BYTES
from amlet.wire import packs
from amlet.wire.packs import PackReader, pack_size, read_pack, write_pack


def packed(*blobs: bytes) -> bytes:
    return b"".join(write_pack((sha256_bytes(blob), len(blob), lambda blob=blob: io.BytesIO(blob)) for blob in blobs))


def cut(body: bytes, sizes: list[int]) -> list[bytes]:
    chunks, start = [], 0
    for size in sizes:
        chunks.append(body[start : start + size])
        start += size
    return [*chunks, body[start:]]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=20), st.lists(st.integers(0, 200), max_size=40))
def test_what_is_written_is_read_however_it_is_cut(blobs: list[bytes], sizes: list[int]) -> None:
    body = packed(*blobs)
    assert list(read_pack(cut(body, sizes))) == [(sha256_bytes(blob), blob) for blob in blobs]
    assert len(body) == pack_size(len(blob) for blob in blobs)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=4), st.data())
def test_a_torn_pack_is_refused(blobs: list[bytes], data: st.DataObject) -> None:
    body = packed(*blobs)
    ends = {len(packed(*blobs[:count])) for count in range(len(blobs) + 1)}
    end = data.draw(st.integers(0, len(body)).filter(lambda end: end not in ends))
    with pytest.raises(InvalidInput, match="is cut off"):
        list(read_pack([body[:end]]))


@settings(deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(1, 50), max_size=10))
def test_no_bytes_break_the_reader(body: bytes, sizes: list[int]) -> None:
    with suppress(InvalidInput):
        list(read_pack(cut(body, sizes)))


def test_members_come_as_soon_as_they_are_whole() -> None:
    reader = PackReader()
    body = packed(b"one", b"two")
    assert reader.feed(body[:-1]) == [(sha256_bytes(b"one"), b"one")]
    assert reader.feed(body[-1:]) == [(sha256_bytes(b"two"), b"two")]
    assert reader.finish() == 2


def test_a_pack_larger_than_a_chunk_comes_in_pieces() -> None:
    blob = b"x" * PACK_LIMIT_BYTES
    chunks = list(write_pack((sha256_bytes(blob), len(blob), lambda: io.BytesIO(blob)) for _ in range(9)))
    assert len(chunks) == 3
    assert [member for _, member in read_pack(chunks)] == [blob] * 9


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"hello\n", "does not begin with"),
        (b"x" * 75, "does not begin with"),
        (b"A" * 64 + b" 1\n", "does not begin with"),
        (b"a" * 64 + b" 01\n", "does not begin with"),
        (b"a" * 64 + b" -1\n", "does not begin with"),
        (b"a" * 64 + b" 9999999999\n", "does not begin with"),
        (b"a" * 64 + b"  1\n", "does not begin with"),
        (b"a" * 64 + b" 1" + b"0" * 500, "does not begin with"),
        (b"a" * 64 + b" 65537\n", "has 65,537 bytes"),
        (b"a" * 64 + b" 1\nx", "has 2d711642b726b044"),
    ],
)
def test_what_is_no_member_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=f"Member 1 of the pack .*{why}"):
        PackReader().feed(body)


def test_an_error_stays() -> None:
    reader = PackReader()
    for call in (lambda: reader.feed(b"\n"), lambda: reader.feed(packed(b"good")), reader.finish):
        with pytest.raises(InvalidInput, match="Member 1"):
            call()


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    body = packed(*[b""] * 4)
    monkeypatch.setattr(packs, "MEMBERS_LIMIT", 3)
    with pytest.raises(InvalidInput, match="Member 4 of the pack is one too many; the limit is 3"):
        list(read_pack([body]))
    with pytest.raises(TooLarge):
        packed(*[b""] * 4)


def test_a_file_that_changed_since_it_was_hashed_is_named() -> None:
    class Changed(io.BytesIO):
        name = "train.py"

    for now in (b"newer", b"longer than before"):

        def opener(now: bytes = now) -> BinaryIO:
            return Changed(now)

        with pytest.raises(InvalidInput, match=r"train\.py was changed"):
            list(write_pack([(sha256_bytes(b"older"), 5, opener)]))


def test_a_blob_over_the_limit_is_not_packed() -> None:
    with pytest.raises(TooLarge, match="65,537 bytes"):
        packed(b"x" * (PACK_LIMIT_BYTES + 1))
