"""What a node fetches (`artifacts/remote.py`, the node's side of the client)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from amlet.artifacts.remote import PACK_MEMBERS, TRIES, RemoteBlobs
from amlet.base.errors import Unavailable
from amlet.base.hashing import sha256_bytes
from amlet.client.body import Body
from amlet.domain.artifact import PACK_LIMIT_BYTES, Entry
from amlet.wire.files import Hashes
from amlet.wire.packs import write_pack


class FakeBody(Body):
    """Gives a content in pieces, up to where it breaks."""

    def __init__(self, content: bytes, breaks_at: int | None) -> None:
        self._content, self._breaks_at = content, breaks_at
        self.total_bytes = None

    def chunks(self, chunk_bytes: int = 1000) -> Iterator[bytes]:
        end = len(self._content) if self._breaks_at is None else self._breaks_at
        for start in range(0, end, chunk_bytes):
            yield self._content[start : min(end, start + chunk_bytes)]
        if self._breaks_at is not None:
            raise Unavailable("broke")

    def close(self) -> None:
        pass


class FakeServer:
    """Blobs by hash; each body breaks at the next of the given places."""

    def __init__(self, blobs: list[bytes], *breaks: int | None) -> None:
        self.held = {sha256_bytes(blob): blob for blob in blobs}
        self.packs: list[list[str]] = []
        self.breaks = list(breaks)
        self.blobs = self

    def get(self, _workspace_id: str, sha256: str) -> Body:
        return FakeBody(self.held[sha256], self._break())

    def get_pack(self, _workspace_id: str, hashes: Hashes) -> Body:
        self.packs.append(hashes.sha256)
        members = [
            (sha256, len(self.held[sha256]), lambda data=self.held[sha256]: io.BytesIO(data))
            for sha256 in hashes.sha256
            if sha256 in self.held
        ]
        return FakeBody(b"".join(write_pack(members)), self._break())  # type: ignore[arg-type]

    def _break(self) -> int | None:
        return self.breaks.pop(0) if self.breaks else None


def entries_of(*blobs: bytes) -> list[Entry]:
    return [Entry(f"file-{number}", sha256_bytes(blob), len(blob)) for number, blob in enumerate(blobs)]


def fetched(server: Any, entries: list[Entry]) -> dict[str, bytes]:
    found = {}
    for entry, chunks in RemoteBlobs(server, "w").fetch(entries):
        assert entry.path not in found
        found[entry.path] = b"".join(chunks)
    return found


LARGE = bytes(range(256)) * (PACK_LIMIT_BYTES // 256)


def test_every_entry_comes_once_and_equal_small_ones_travel_once() -> None:
    blobs = [b"a", b"", b"b" * 100, b"a", LARGE, LARGE]
    server = FakeServer(blobs)
    assert fetched(server, entries_of(*blobs)) == {f"file-{number}": blob for number, blob in enumerate(blobs)}
    assert [len(hashes) for hashes in server.packs] == [3]


def test_nothing_is_asked_for_nothing() -> None:
    server = FakeServer([])
    assert fetched(server, []) == {}
    assert server.packs == []


def test_packs_have_a_limit_of_members() -> None:
    blobs = [b"%d" % number for number in range(PACK_MEMBERS + 1)]
    server = FakeServer(blobs)
    assert len(fetched(server, entries_of(*blobs))) == len(blobs)
    assert [len(hashes) for hashes in server.packs] == [PACK_MEMBERS, 1]


def test_a_pack_that_breaks_is_asked_for_again_without_what_came() -> None:
    blobs = [b"%04d" % number * 100 for number in range(50)]
    server = FakeServer(blobs, 5_500, 0)
    assert list(fetched(server, entries_of(*blobs)).values()) == blobs
    assert len(server.packs) == 3
    assert len(server.packs[0]) == 50 > len(server.packs[1]) == len(server.packs[2])


def test_a_large_blob_goes_on_where_it_broke() -> None:
    server = FakeServer([LARGE], 1500, 0, 1501, 65_000)
    assert fetched(server, entries_of(LARGE)) == {"file-0": LARGE}


@pytest.mark.parametrize("blob", [b"small", LARGE])
def test_a_connection_that_never_holds_is_unavailable(blob: bytes) -> None:
    with pytest.raises(Unavailable):
        fetched(FakeServer([blob], *[0] * TRIES), entries_of(blob))


def test_a_server_that_leaves_out_what_was_asked_for_is_not_asked_for_ever() -> None:
    with pytest.raises(Unavailable, match="without blob"):
        fetched(FakeServer([]), entries_of(b"gone"))
