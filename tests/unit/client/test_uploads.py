"""Sending what the server lacks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from amlet.base.errors import AmletError, Conflict, InvalidInput, StorageFailed, Unavailable
from amlet.base.hashing import sha256_bytes
from amlet.client.uploads import PACK_BYTES, PARALLEL, Sources, send_missing, sources_of, submit_with_blobs
from amlet.domain.artifact import PACK_LIMIT_BYTES, Entry
from amlet.wire.files import BlobQuery, Hashes, SizeAnswer
from amlet.wire.packs import read_pack
from amlet.wire.server import Done

Stream = Callable[[], Iterable[bytes]]


class FakeServer:
    """Holds blobs; breaks or refuses when told to. Plays the client and its `blobs` in one."""

    url = "http://a"
    patience_s = 0.5

    def __init__(self, *faults: Exception) -> None:
        self.held: dict[str, bytes] = {}
        self.bodies: list[str] = []
        self.under_way = self.most_under_way = 0
        self.asked = 0
        self.begun_with: dict[str, bytes] = {}
        self.offsets: list[int] = []
        self._faults = list(faults)
        self._lock = threading.Lock()
        self.blobs = self

    def patient(self, patience_s: float) -> FakeServer:
        assert patience_s == 0
        return self

    def missing(self, _workspace_id: str, hashes: Hashes) -> Hashes:
        self.asked += 1
        return Hashes([sha256 for sha256 in hashes.sha256 if sha256 not in self.held])

    def begun(self, _workspace_id: str, sha256: str, _query: Any) -> SizeAnswer:
        return SizeAnswer(len(self.held.get(sha256, self.begun_with.get(sha256, b""))))

    def put(self, _workspace_id: str, sha256: str, data: Stream, size_bytes: int, query: BlobQuery) -> Done:
        if query.offset != len(self.begun_with.get(sha256, b"")[: query.offset]):
            raise Conflict("not kept")
        self.offsets.append(query.offset)
        content = self.begun_with.pop(sha256, b"")[: query.offset] + self._take("blob", data, size_bytes, sha256)
        if sha256_bytes(content) != sha256:
            raise InvalidInput(f"The bytes do not have the hash {sha256}.")
        self.held[sha256] = content
        return Done()

    def put_pack(self, _workspace_id: str, data: Stream, size_bytes: int) -> Done:
        self.held.update(read_pack([self._take("pack", data, size_bytes)]))
        return Done()

    def _take(self, kind: str, data: Stream, size_bytes: int, sha256: str = "") -> bytes:
        with self._lock:
            self.bodies.append(kind)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            fault = self._faults.pop(0) if self._faults else None
        try:
            chunks = iter(data())
            first = next(chunks, b"")
            if fault is not None:
                if isinstance(fault, Unavailable):
                    self.begun_with[sha256] = first
                raise fault
            content = first + b"".join(chunks)
            assert len(content) == size_bytes
            return content
        finally:
            with self._lock:
                self.under_way -= 1


class Answer(NamedTuple):
    missing: list[str]


def files(folder: Path, *sizes: int) -> Sources:
    """Files of these sizes, no two alike, below names that are hard to quote."""
    sources: Sources = {}
    for number, size in enumerate(sizes):
        path = folder / f"ü '{number}\" file"
        path.write_bytes((b"%08d" % number * (size // 8 + 1))[:size])
        sources[sha256_bytes(path.read_bytes())] = (path, size)
    return sources


def send(server: Any, sources: Sources, progress: Any = None) -> None:
    send_missing(server, "w", list(sources), sources, progress)


def test_small_blobs_travel_in_one_pack_and_large_ones_alone(tmp_path: Path) -> None:
    server = FakeServer()
    sources = files(tmp_path, 0, 9, PACK_LIMIT_BYTES - 1, PACK_LIMIT_BYTES, 3_000_000)
    send(server, sources)
    assert {sha256: len(data) for sha256, data in server.held.items()} == {
        key: size for key, (_, size) in sources.items()
    }
    assert sorted(server.bodies) == ["blob", "blob", "pack"]


def test_packs_are_split_by_their_size(tmp_path: Path) -> None:
    server = FakeServer()
    size = PACK_LIMIT_BYTES - 1
    send(server, files(tmp_path, *[size] * (PACK_BYTES // size + 10)))
    assert server.bodies == ["pack", "pack"]


def test_no_more_than_four_bodies_are_under_way(tmp_path: Path) -> None:
    server = FakeServer()
    send(server, files(tmp_path, *[PACK_LIMIT_BYTES] * 40))
    assert len(server.held) == 40
    assert 1 <= server.most_under_way <= PARALLEL


def test_only_what_is_missing_is_sent(tmp_path: Path) -> None:
    server = FakeServer()
    sources = files(tmp_path, 10, 20, 30)
    send_missing(server, "w", [list(sources)[1]] * 2, sources)  # type: ignore[arg-type]
    assert list(server.held) == [list(sources)[1]]


def test_after_a_broken_connection_the_rest_is_sent(tmp_path: Path) -> None:
    server = FakeServer(Unavailable("broke"), Unavailable("broke"))
    sources = files(tmp_path, 10, PACK_LIMIT_BYTES, PACK_LIMIT_BYTES + 1)
    send(server, sources)
    assert set(server.held) == set(sources)
    assert server.asked >= 1


def test_a_large_blob_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    server = FakeServer(Unavailable("broke"))
    sources = files(tmp_path, 3 << 20)
    told: list[int] = []
    send(server, sources, lambda sent, _: told.append(sent))
    assert server.offsets == [0, 1 << 20]
    assert set(server.held) == set(sources)
    assert told == sorted(told)


def test_what_an_earlier_try_sent_of_a_large_blob_is_not_sent_again(tmp_path: Path) -> None:
    server = FakeServer()
    [(sha256, (path, _))] = (sources := files(tmp_path, 9 << 20)).items()
    server.begun_with[sha256] = Path(path).read_bytes()[: 5 << 20]
    send(server, sources)
    assert server.offsets == [5 << 20]


def test_a_beginning_that_is_not_ours_is_sent_anew(tmp_path: Path) -> None:
    server = FakeServer()
    [sha256] = sources = files(tmp_path, 9 << 20)
    server.begun_with[sha256] = b"x" * 1000
    send(server, sources)
    assert server.offsets == [1000, 0]
    assert set(server.held) == {sha256}


def test_a_connection_that_never_holds_is_told_when_patience_is_over(tmp_path: Path) -> None:
    server = FakeServer(*[Unavailable("broke")] * 1000)
    server.patience_s = 0.05
    with pytest.raises(Unavailable):
        send(server, files(tmp_path, 10))


def test_what_the_server_refuses_is_not_sent_again(tmp_path: Path) -> None:
    server = FakeServer(StorageFailed("the disk is full"))
    with pytest.raises(StorageFailed):
        send(server, files(tmp_path, 10))
    assert server.bodies == ["pack"]


@pytest.mark.parametrize("size", [1000, PACK_LIMIT_BYTES + 1000])
@pytest.mark.parametrize("change", ["other bytes", "shorter", "gone"])
def test_a_file_that_changed_since_it_was_hashed_is_named(size: int, change: str, tmp_path: Path) -> None:
    sources = files(tmp_path, size)
    [(path, _)] = sources.values()
    if change == "gone":
        Path(path).unlink()
    else:
        Path(path).write_bytes(b"x" * (size if change == "other bytes" else size - 1))
    with pytest.raises(InvalidInput) as caught:
        send(FakeServer(), sources)
    assert str(path) in caught.value.message
    assert "submit again when nothing writes" in (caught.value.hint or "")


def test_a_large_file_that_only_grew_is_sent_as_it_was(tmp_path: Path) -> None:
    server = FakeServer()
    sources = files(tmp_path, PACK_LIMIT_BYTES)
    [(path, size)] = sources.values()
    with Path(path).open("ab") as file:
        file.write(b"more")
    send(server, sources)
    assert [len(data) for data in server.held.values()] == [size]


def test_a_blob_that_nobody_offered_is_a_fault_of_ours_and_says_so(tmp_path: Path) -> None:
    server: Any = FakeServer()
    with pytest.raises(AmletError, match="not part of what is sent"):
        send_missing(server, "w", ["0" * 64], files(tmp_path, 1))


def test_progress_ends_at_the_total_and_never_goes_beyond(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    sources = files(tmp_path, 100, 200, PACK_LIMIT_BYTES, 3_000_000)
    total = sum(size for _, size in sources.values())
    send(FakeServer(Unavailable("broke")), sources, lambda sent, of: told.append((sent, of)))
    assert told[-1] == (total, total)
    assert all(0 <= sent <= of == total for sent, of in told)


def test_a_call_is_made_again_until_nothing_is_missing(tmp_path: Path) -> None:
    server: Any = FakeServer()
    sources = files(tmp_path, 10, 20, 30)
    calls: list[list[str]] = []

    def call() -> Answer:
        calls.append(server.missing("w", Hashes(list(sources))).sha256)
        return Answer(calls[-1])

    assert submit_with_blobs(call, server, "w", sources) == Answer([])
    assert [len(missing) for missing in calls] == [3, 0]


def test_a_server_that_forgets_what_it_is_sent_is_not_fed_for_ever(tmp_path: Path) -> None:
    server: Any = FakeServer()
    sources = files(tmp_path, 10)
    with pytest.raises(Unavailable, match="asked 5 times"):
        submit_with_blobs(lambda: Answer(list(sources)), server, "w", sources)


def test_the_sources_of_a_folder_are_its_entries(tmp_path: Path) -> None:
    assert sources_of(tmp_path, [Entry("a/b", "0" * 64, 3)]) == {"0" * 64: (f"{tmp_path}/a/b", 3)}
