"""Uploads that lie, break off, are too large, damaged or many: what bears a hash is whole, and nothing else is seen."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest

from amlet.base.errors import InvalidInput, TooLarge
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import PACK_LIMIT_BYTES
from amlet.server.application import BODY_LIMIT_BYTES
from amlet.server.handlers.blobs import BLOB_LIMIT_BYTES, PACK_BODY_LIMIT_BYTES
from amlet.server.handlers.nodes import LOG_LIMIT_BYTES
from amlet.server.wiring import READING_THREADS
from amlet.wire.files import Hashes
from amlet.wire.nodes import AttemptQuery
from amlet.wire.packs import read_pack, write_pack
from support.server import RealServer, until
from support.wire import Wire, workspace_of

MEBIBYTE = 1 << 20


class Place(NamedTuple):
    server: RealServer
    wire: Wire
    workspace_id: str

    def path(self, rest: str) -> str:
        return f"/api/workspaces/{self.workspace_id}/{rest}"

    def lacks(self, data: bytes) -> bool:
        """Whether the server says that it has no such blob, and gives none."""
        sha256 = sha256_bytes(data)
        missing = self.server.client().blobs.missing(self.workspace_id, Hashes([sha256])).sha256
        assert (self.wire.ask("GET", self.path(f"blobs/{sha256}")).status == 404) == bool(missing)
        return bool(missing)

    def holds(self, data: bytes) -> bool:
        return self.wire.ask("GET", self.path(f"blobs/{sha256_bytes(data)}")).body == data

    def nothing_unfinished(self) -> bool:
        """Waits until no part of an upload is left on the disk."""
        incoming = self.server.home.blobs / "incoming"
        return until(lambda: not incoming.exists() or not list(incoming.iterdir()), what="the end of half uploads")

    def put_head(self, data: bytes, *lines: str) -> bytes:
        return self.wire.head("PUT", self.path(f"blobs/{sha256_bytes(data)}"), *lines)

    def memory_bytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def pid(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid


@pytest.fixture
def place(shared_server: RealServer) -> Iterator[Place]:
    wire = Wire(shared_server)
    found = Place(shared_server, wire, workspace_of(shared_server, "uploads"))
    yield found
    wire.close()
    assert found.nothing_unfinished()


def fresh(size: int = 1000) -> bytes:
    """Bytes that no other test sends."""
    return os.urandom(size)


def pack_of(*members: bytes) -> bytes:
    return b"".join(write_pack([(sha256_bytes(data), len(data), lambda data=data: BytesIO(data)) for data in members]))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("method", "rest", "limit"),
    [
        ("PUT", "blobs/" + "0" * 64, BLOB_LIMIT_BYTES),
        ("POST", "packs", PACK_BODY_LIMIT_BYTES),
        ("POST", "blobs/missing", BODY_LIMIT_BYTES),
        ("POST", "runs", BODY_LIMIT_BYTES),
    ],
)
def test_a_body_that_says_it_is_over_the_cap_is_refused_before_it_is_sent(
    method: str, rest: str, limit: int, place: Place
) -> None:
    began = time.monotonic()
    answer = place.wire.raw(place.wire.head(method, place.path(rest), f"Content-Length: {limit + 1}"))
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    assert b"too_large" in answer
    assert b"connection: close" in answer.lower()
    assert time.monotonic() - began < 5


def test_a_chunked_body_is_cut_off_at_the_cap_with_flat_memory(place: Place) -> None:
    before = place.memory_bytes()
    chunk = b"100000\r\n" + b" " * MEBIBYTE + b"\r\n"
    with socket.create_connection(place.wire.address, timeout=20) as connection:
        connection.sendall(place.wire.head("POST", place.path("blobs/missing"), "Transfer-Encoding: chunked"))
        sent = 0
        try:
            for _ in range(1000):
                connection.sendall(chunk)
                sent += MEBIBYTE
        except OSError:
            pass  # it was cut off
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    # Beyond the cap lies what the sockets hold on the way.
    assert BODY_LIMIT_BYTES - MEBIBYTE <= sent < BODY_LIMIT_BYTES + 32 * MEBIBYTE
    assert place.memory_bytes() - before < 2.5 * BODY_LIMIT_BYTES
    assert place.server.client().server.health().status == "ok"


def test_our_client_is_told_that_a_body_is_too_large(place: Place) -> None:
    with pytest.raises(TooLarge, match="over 268"):
        place.server.client().blobs.put_pack(place.workspace_id, lambda: iter([b"x" * MEBIBYTE] * 300), 300 * MEBIBYTE)


def test_a_large_blob_passes_through_in_flat_memory(place: Place) -> None:
    block = fresh(MEBIBYTE)
    data = block * 96
    sha256 = sha256_bytes(data)
    before = place.memory_bytes()
    client = place.server.client()
    client.blobs.put(place.workspace_id, sha256, lambda: iter([block] * 96), len(data))
    with client.blobs.get(place.workspace_id, sha256) as body:
        for chunk in body.chunks(MEBIBYTE):
            assert chunk == block or len(chunk) < MEBIBYTE
    assert place.memory_bytes() - before < 24 * MEBIBYTE


def test_a_log_over_its_cap_is_refused_whole(place: Place) -> None:
    from support.wire import tokens_of

    target = place.path("runs/none/log?path=a&offset=0&attempt=1")
    token = tokens_of(place.server).for_node("local")
    reply = place.wire.ask("POST", target, token=token, body=b"x" * (LOG_LIMIT_BYTES + 1))
    assert reply.status == 413
    assert reply.error["code"] == "too_large"


def test_a_body_shorter_than_it_said_leaves_nothing(place: Place) -> None:
    data = fresh()
    place.wire.raw(place.put_head(data, f"Content-Length: {len(data) + 1}"), data, hang_up=True)
    assert place.nothing_unfinished()
    assert place.lacks(data)


def test_a_body_longer_than_it_said_is_no_blob(place: Place) -> None:
    data = fresh()
    answer = place.wire.raw(place.put_head(data, f"Content-Length: {len(data) - 1}"), data)
    assert answer.startswith(b"HTTP/1.1 400")
    assert place.lacks(data)


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: -1",),
        ("Content-Length: 0x10",),
        ("Content-Length: 99999999999999999999999999",),
        ("Content-Length: 4", "Content-Length: 1000"),
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
    ],
)
def test_a_doubtful_length_is_refused(lines: tuple[str, ...], place: Place) -> None:
    data = fresh()
    answer = place.wire.raw(place.put_head(data, *lines), data, hang_up=True)
    # An answer of ours or a closed connection; never a blob, never a second request out of the bytes of the first.
    assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413")), answer[:200]
    assert answer.count(b"HTTP/1.1 ") <= 2
    assert place.lacks(data)


def test_a_request_hidden_in_a_body_is_not_answered(place: Place) -> None:
    hidden = place.wire.head("POST", "/api/tickets")
    head = place.wire.head("PUT", place.path("blobs/" + "0" * 64), "Content-Length: 0", "Transfer-Encoding: chunked")
    answer = place.wire.raw(head, b"0\r\n\r\n" + hidden)
    assert b"ticket" not in answer


def test_a_chunked_blob_is_kept(place: Place) -> None:
    data = fresh(5000)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (data[:1], data[1:4000], data[4000:]))
    answer = place.wire.raw(place.put_head(data, "Transfer-Encoding: chunked"), chunks + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert place.holds(data)


@pytest.mark.parametrize("tail", [b"", b"zz\r\n", b"-5\r\n", b"ffffffffffffffffff\r\nx", b"3\r\nabcdef"])
def test_a_chunked_blob_without_its_end_leaves_nothing(tail: bytes, place: Place) -> None:
    data = fresh()
    place.wire.raw(
        place.put_head(data, "Transfer-Encoding: chunked"), b"%x\r\n%b\r\n" % (len(data), data) + tail, hang_up=True
    )
    assert place.nothing_unfinished()
    assert place.lacks(data)


@pytest.mark.parametrize("rest", ["blobs/{}", "packs", "blobs/missing", "runs"])
def test_a_connection_that_breaks_in_mid_body_is_no_fault_of_the_server(rest: str, place: Place) -> None:
    data = fresh(300_000)
    method = "PUT" if "{}" in rest else "POST"
    log = place.server.home.server_log
    before = log.stat().st_size
    for _ in range(5):
        with socket.create_connection(place.wire.address, timeout=10) as connection:
            target = place.path(rest.format(sha256_bytes(data)))
            connection.sendall(place.wire.head(method, target, f"Content-Length: {len(data)}"))
            connection.sendall(pack_of(data[:60_000]) + data[60_000:120_000])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert place.nothing_unfinished()
    assert place.lacks(data)
    assert b"Traceback" not in log.read_bytes()[before:]


def test_a_blob_with_another_hash_is_refused_and_not_seen(place: Place) -> None:
    data, other = fresh(), fresh()
    reply = place.wire.ask("PUT", place.path(f"blobs/{sha256_bytes(data)}"), body=other)
    assert reply.status == 400
    assert sha256_bytes(data) in reply.error["message"] and sha256_bytes(other) in reply.error["message"]
    assert place.lacks(data) and place.lacks(other)


@pytest.mark.parametrize(
    "sha256", ["x", "0" * 63, "0" * 65, "A" * 64, "..%2f..%2f..%2fevil", "%2e%2e", "0" * 63 + "%00", "0" * 63 + "%0a"]
)
def test_what_is_no_hash_names_no_file(sha256: str, place: Place) -> None:
    reply = place.wire.ask("PUT", place.path("blobs/" + sha256), body=b"data")
    assert reply.status in (400, 404, 405)


def _garbage() -> dict[str, bytes]:
    good = pack_of(b"one good member " + fresh(8))
    zeros = b"0" * 64
    return {
        "random bytes": fresh(10_000),
        "text": b"PK\x03\x04" + b"a" * 500,
        "another hash": zeros + b" 4\nabcd",
        "upper case": sha256_bytes(b"abcd").upper().encode() + b" 4\nabcd",
        "no size": zeros + b" \n",
        "negative": zeros + b" -1\n",
        "leading zero": sha256_bytes(b"abcd").encode() + b" 04\nabcd",
        "too large": zeros + b" %d\n" % (PACK_LIMIT_BYTES + 1),
        "huge": zeros + b" 999999999999999999999\n",
        "cut off": good[:-1],
        "header cut off": good + zeros[:10],
        "good, then garbage": good + b"!" * 100,
        "path": b"../../../../../../etc/cron.d/evil" + b"x" * 31 + b" 4\nabcd",
    }


@pytest.mark.parametrize("kind", list(_garbage()))
def test_a_garbled_pack_is_refused_and_leaves_nothing(kind: str, place: Place) -> None:
    packs = place.server.home.blobs / "packs"
    before = {path for path in packs.rglob("*") if path.is_file()}
    reply = place.wire.ask("POST", place.path("packs"), body=_garbage()[kind])
    assert reply.status == 400
    assert "pack" in reply.error["message"]
    assert {path for path in packs.rglob("*") if path.is_file()} == before


def test_an_empty_pack_and_an_empty_blob_are_kept(place: Place) -> None:
    assert place.wire.ask("POST", place.path("packs"), body=b"").status == 200
    assert place.wire.ask("POST", place.path("packs"), body=pack_of(b"")).status == 200
    assert place.holds(b"")


def test_a_pack_of_blobs_that_are_too_large_for_one_is_not_given(place: Place) -> None:
    data = fresh(PACK_LIMIT_BYTES + 1)
    client = place.server.client()
    client.blobs.put(place.workspace_id, sha256_bytes(data), data, len(data))
    with pytest.raises(InvalidInput, match="do not make a pack"):
        client.blobs.get_pack(place.workspace_id, Hashes([sha256_bytes(data)]))


def test_two_hundred_half_open_uploads_hinder_nobody_and_leave_nothing(place: Place) -> None:
    data = fresh(1000)
    before = place.descriptors()
    with ExitStack() as stack:
        for number in range(200):
            connection = stack.enter_context(socket.create_connection(place.wire.address, timeout=10))
            head = (
                place.put_head(data, "Content-Length: 1000") if number % 2 else place.wire.head("POST", "/api/x")[:-2]
            )
            connection.sendall(head + (data[:500] if number % 2 else b""))
        until(lambda: place.descriptors() >= before + 200, what="200 uploads under way")
        began = time.monotonic()
        assert place.server.client().server.health().status == "ok"
        other = fresh()
        assert place.wire.ask("PUT", place.path(f"blobs/{sha256_bytes(other)}"), body=other).status == 200
        assert place.holds(other)
        assert time.monotonic() - began < 5
    assert place.nothing_unfinished()
    assert place.lacks(data)
    # Each reading thread may have opened its connection to the records meanwhile.
    until(lambda: place.descriptors() <= before + 3 * READING_THREADS, what="closed descriptors")


def test_the_same_blobs_from_sixteen_threads_at_once_are_there_once_and_whole(place: Place) -> None:
    large, small = fresh(300_000), [fresh(500) for _ in range(20)]
    hashes = [sha256_bytes(data) for data in small]

    def send(number: int) -> None:
        client = place.server.client()
        client.blobs.put(place.workspace_id, sha256_bytes(large), large, len(large))
        mine = small[number % 5 :] + small[: number % 5]
        pack = pack_of(*mine)
        client.blobs.put_pack(place.workspace_id, pack, len(pack))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(send, range(16)))
    assert place.holds(large)
    with place.server.client().blobs.get_pack(place.workspace_id, Hashes(hashes)) as body:
        assert [data for _, data in read_pack(body.chunks())] == small
    assert [place.holds(data) for data in small] == [True] * 20


def test_a_journal_or_log_at_a_negative_offset_is_refused(place: Place) -> None:
    from support.wire import ended, submit, tokens_of

    run = ended(place.server, submit(place.server, place.workspace_id, "print(1)"))
    assert AttemptQuery(run.attempt)
    token = tokens_of(place.server).for_node("local")
    for rest in ("log?path=a&offset=-5&attempt=1", "journal?journal=a&offset=-5&attempt=1"):
        reply = place.wire.ask("POST", place.path(f"runs/{run.id}/{rest}"), token=token, body=b"x")
        assert reply.status in (400, 410)
