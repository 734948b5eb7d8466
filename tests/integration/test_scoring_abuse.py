"""A replica under what no client should send: each gets its status, the replica lives on, its memory stays flat."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.replica import Replica, read_all, replica_of, until

ROW = [5.1, 3.5, 1.4, 0.2]
LIMIT = 100 << 20
KEY = "the right one"
ASKED = {"Authorization": f"Bearer {KEY}"}
HEAD = b"POST /score HTTP/1.1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def closed(python: Path, overlay: Path, iris: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A replica with a key and the real limit of bodies."""
    keys = [hashlib.sha256(KEY.encode()).hexdigest()]
    folder = tmp_path_factory.mktemp("abused")
    with replica_of(python, overlay, iris, folder, key_hashes=keys, max_body_bytes=LIMIT) as replica:
        assert replica.state().state == "Healthy", replica.log
        yield replica
        assert replica.process.poll() is None
        assert answers(replica)


def answers(replica: Replica) -> bool:
    return replica.score({"data": [ROW], "method": "predict"}, **ASKED) == (200, {"predict": [0]})


def resident_kb(replica: Replica) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{replica.process.pid}/status").read_text())
    assert found is not None
    return int(found.group(1))


def send_body(replica: Replica, size: int, *, said: int | None = None) -> tuple[bytes, dict[str, Any]]:
    """The status and body of what `size` blanks get."""
    with replica.socket() as client:
        client.settimeout(60)
        client.sendall(HEAD + f"Authorization: Bearer {KEY}\r\nContent-Length: {said or size}\r\n\r\n".encode())
        block = b" " * (1 << 20)
        with contextlib.suppress(OSError):  # refused while it is sent
            for start in range(0, size, len(block)):
                client.sendall(block[: size - start])
            client.shutdown(socket.SHUT_WR)
        back = read_all(client)
    head, _, body = back.partition(b"\r\n\r\n")
    return head.split()[1], json.loads(body)


def test_a_body_of_the_limit_is_read_and_one_byte_more_is_refused(closed: Replica) -> None:
    assert send_body(closed, LIMIT)[0] == b"400"  # whole, and blanks are no JSON
    after_one = resident_kb(closed)
    status, body = send_body(closed, LIMIT + 1)
    assert (status, body) == (b"413", {"message": f"The body is over the limit of {LIMIT} bytes."})
    assert send_body(closed, LIMIT)[0] == b"400"
    assert resident_kb(closed) - after_one < 20_000


def test_a_declared_size_over_the_limit_is_refused_before_a_byte_of_it(closed: Replica) -> None:
    with closed.socket() as client:
        client.sendall(HEAD + f"Content-Length: {LIMIT + 1}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


NESTED = 200_000

BODIES = [
    (b"", 400),
    (b"\x00" * 100, 400),
    (b"[" * NESTED, 400),
    (b'{"data": ' + b"[" * NESTED + b"]" * NESTED + b"}", 400),
    (b'{"data": [[NaN, 3.5, 1.4, 0.2]], "method": "predict"}', 500),
    (b'{"data": [[Infinity, 3.5, 1.4, 0.2]], "method": "predict"}', 500),
    (b'{"data": [[1e999, 3.5, 1.4, 0.2]], "method": "predict"}', 500),
    (b'{"data": [[' + b"9" * 5000 + b", 3.5, 1.4, 0.2]]}", 400),
    (json.dumps({"data": [[*ROW, 1]]}).encode(), 400),
    (json.dumps({"data": [[]]}).encode(), 400),
    (json.dumps({"data": [["a", "b", "c", "d"]]}).encode(), 500),
    (json.dumps({"data": [[True, None, {}, []]]}).encode(), 400),
    (json.dumps({"data": {"__class__": "x"}}).encode(), 400),
    *((json.dumps({"data": [ROW], "method": name}).encode(), 400) for name in ("__reduce__", "__init__", "fit", "")),
    (json.dumps({"data": [ROW], "method": "set_params"}).encode(), 400),
    (json.dumps({"data": [ROW], "method": {"$ne": 1}}).encode(), 400),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_no_request_gets_its_status_and_a_message(closed: Replica, body: bytes, status: int) -> None:
    got, answer = closed.score(body, **ASKED)
    assert got == status
    assert list(answer) == ["message"]
    assert "Traceback" not in answer["message"] and len(answer["message"]) < 600


def test_wrong_keys_by_the_thousand(closed: Replica) -> None:
    before = resident_kb(closed)
    body = json.dumps({"data": [ROW]})
    with contextlib.closing(closed.connect()) as connection:
        for number in range(2000):
            wrong = {"Authorization": f"Bearer {number:x}", "Content-Type": "application/json"}
            connection.request("POST", "/score", body, wrong)
            answer = connection.getresponse()
            assert (answer.status, b"needs a key" in answer.read()) == (401, True)
    assert resident_kb(closed) - before < 8_000
    assert KEY not in closed.log


def test_slow_senders_keep_nobody_else_waiting(closed: Replica) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(closed.socket()) for _ in range(50)]
        for client in slow:
            client.sendall(HEAD + b"Content-Length: 5000\r\n\r\n")
        for _ in range(20):
            for client in slow:
                client.sendall(b" ")
            began = time.monotonic()
            assert answers(closed)
            assert time.monotonic() - began < 2


def test_ten_thousand_half_open_connections(closed: Replica) -> None:
    count = 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 1000:
        pytest.skip("no 11,000 open files on this machine")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before, files = resident_kb(closed), len(os.listdir(f"/proc/{closed.process.pid}/fd"))
    with contextlib.ExitStack() as stack:
        for number in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", closed.port), timeout=20))
            client.sendall(b"POST /score HT" if number % 2 else HEAD)
            if number % 1000 == 0:
                assert answers(closed)
        assert answers(closed)
        each_kb = (resident_kb(closed) - before) / count
        assert each_kb < 12, f"{each_kb:.1f} kB a connection"
    until(lambda: len(os.listdir(f"/proc/{closed.process.pid}/fd")) <= files + 2)
    full = resident_kb(closed)
    for _ in range(2):
        with contextlib.ExitStack() as stack:
            for _ in range(1000):
                stack.enter_context(closed.socket()).sendall(HEAD)
    assert resident_kb(closed) - full < 8_000
    assert answers(closed)
