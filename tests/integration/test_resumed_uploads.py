"""Large blobs over networks that break: sent on from where they broke off."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from amlet.base.errors import Conflict, InvalidInput
from amlet.base.hashing import sha256_bytes
from amlet.client.connection import Client
from amlet.client.uploads import send_missing
from amlet.wire.files import BegunQuery, BlobQuery, Hashes
from support.cutting_proxy import CuttingProxy
from support.server import RealServer, until
from support.wire import Wire, workspace_of

MEBIBYTE = 1 << 20


def port_of(server: RealServer) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port


@pytest.fixture
def workspace_id(shared_server: RealServer) -> str:
    return workspace_of(shared_server, "resumed")


@pytest.fixture
def client(shared_server: RealServer) -> Client:
    return shared_server.client()


def large_file(folder: Path, mebibytes: int) -> tuple[str, Path]:
    """A file of random bytes, and its hash."""
    path = folder / f"large-{mebibytes}.bin"
    path.write_bytes(os.urandom(mebibytes * MEBIBYTE))
    return sha256_bytes(path.read_bytes()), path


def begin(server: RealServer, workspace_id: str, sha256: str, size: int, beginning: bytes) -> None:
    """Send the beginning of a blob and hang up; returns when the server keeps it."""
    wire = Wire(server)
    head = wire.head("PUT", f"/api/workspaces/{workspace_id}/blobs/{sha256}", f"Content-Length: {size}")
    wire.raw(head, beginning, hang_up=True)
    wire.close()
    until(lambda: server.client().blobs.begun(workspace_id, sha256).size_bytes, what="a kept beginning")


@pytest.mark.parametrize(
    "mebibytes", [10, pytest.param(200, marks=pytest.mark.every_fault)], ids=lambda value: f"{value} MiB"
)
def test_a_reset_at_every_64_kb_costs_no_tenth_of_the_bytes(
    mebibytes: int, shared_server: RealServer, workspace_id: str, tmp_path: Path
) -> None:
    sha256, path = large_file(tmp_path, mebibytes)
    size = mebibytes * MEBIBYTE
    with CuttingProxy(port_of(shared_server), every_bytes=64 << 10) as proxy:
        client = Client(proxy.url, shared_server.token, patience_s=10.0)
        send_missing(client, workspace_id, [sha256], {sha256: (path, size)})
        client.close()
        assert proxy.connections > mebibytes * 16
        assert proxy.bytes <= 1.1 * size, proxy.bytes / size
    with shared_server.client().blobs.get(workspace_id, sha256) as body:
        assert sha256_bytes(body.read()) == sha256


def test_a_beginning_is_gone_on_with_by_a_client_of_another_process(
    shared_server: RealServer, client: Client, workspace_id: str, tmp_path: Path
) -> None:
    sha256, path = large_file(tmp_path, 9)
    data = path.read_bytes()
    begin(shared_server, workspace_id, sha256, len(data), data[: 5 * MEBIBYTE])
    kept = client.blobs.begun(workspace_id, sha256).size_bytes
    assert 4 * MEBIBYTE < kept <= 5 * MEBIBYTE
    told: list[int] = []
    send_missing(client, workspace_id, [sha256], {sha256: (path, len(data))}, lambda sent, _: told.append(sent))
    assert told[0] > kept and told[-1] == len(data)
    assert client.blobs.begun(workspace_id, sha256).size_bytes == len(data)
    assert not list((shared_server.home.blobs / "beginnings").glob(sha256))


def test_a_lie_about_the_offset_or_the_hash_is_refused(
    shared_server: RealServer, client: Client, workspace_id: str, tmp_path: Path
) -> None:
    sha256, path = large_file(tmp_path, 2)
    data = path.read_bytes()
    for offset in (1, 1 << 40):
        with pytest.raises(Conflict, match="keeps 0 bytes of blob"):
            client.blobs.put(workspace_id, sha256, data[1:], len(data) - 1, BlobQuery(offset))
    with pytest.raises(InvalidInput, match="0 or more"):
        client.blobs.put(workspace_id, sha256, data, len(data), BlobQuery(-1))
    begin(shared_server, workspace_id, sha256, len(data), b"x" * MEBIBYTE)  # a liar's beginning
    kept = client.blobs.begun(workspace_id, sha256).size_bytes
    with pytest.raises(InvalidInput, match="have the hash"):
        client.blobs.put(workspace_id, sha256, data[kept:], len(data) - kept, BlobQuery(kept))
    assert client.blobs.begun(workspace_id, sha256).size_bytes == 0  # nobody goes on with it again
    assert client.blobs.missing(workspace_id, Hashes([sha256])).sha256 == [sha256]


def test_a_liars_beginning_costs_an_honest_client_nothing_but_time(
    shared_server: RealServer, client: Client, workspace_id: str, tmp_path: Path
) -> None:
    sha256, path = large_file(tmp_path, 9)
    begin(shared_server, workspace_id, sha256, 9 * MEBIBYTE, b"x" * MEBIBYTE)
    send_missing(client, workspace_id, [sha256], {sha256: (path, 9 * MEBIBYTE)})
    assert not client.blobs.missing(workspace_id, Hashes([sha256])).sha256


def test_four_clients_that_send_the_same_over_a_bad_network_all_end_well(
    shared_server: RealServer, workspace_id: str, tmp_path: Path
) -> None:
    sha256, path = large_file(tmp_path, 8)

    def send(url: str) -> None:
        client = Client(url, shared_server.token, patience_s=20.0)
        send_missing(client, workspace_id, [sha256], {sha256: (path, 8 * MEBIBYTE)})
        client.close()

    with CuttingProxy(port_of(shared_server), every_bytes=MEBIBYTE) as proxy, ThreadPoolExecutor(4) as pool:
        list(pool.map(send, [proxy.url] * 4))
    with shared_server.client().blobs.get(workspace_id, sha256) as body:
        assert sha256_bytes(body.read()) == sha256


def test_a_connection_that_went_silent_is_taken_over(
    shared_server: RealServer, client: Client, workspace_id: str, tmp_path: Path
) -> None:
    import socket

    sha256, path = large_file(tmp_path, 4)
    data = path.read_bytes()
    wire = Wire(shared_server)
    head = wire.head("PUT", f"/api/workspaces/{workspace_id}/blobs/{sha256}", f"Content-Length: {len(data)}")
    with socket.create_connection(wire.address) as silent:  # the other end of a cut cable: no FIN, no RST
        silent.sendall(head + data[: 2 * MEBIBYTE])
        kept = until(
            lambda: client.blobs.begun(workspace_id, sha256, BegunQuery(wait_s=1.0)).size_bytes, what="the take-over"
        )
        assert kept >= MEBIBYTE
        client.blobs.put(workspace_id, sha256, data[kept:], len(data) - kept, BlobQuery(kept))
        assert not client.blobs.missing(workspace_id, Hashes([sha256])).sha256
    wire.close()


def test_kill_9_of_the_server_costs_no_more_than_what_was_on_the_way(fresh_server: RealServer, tmp_path: Path) -> None:
    import socket

    workspace_id = workspace_of(fresh_server, "killed")
    sha256, path = large_file(tmp_path, 20)
    data = path.read_bytes()
    wire = Wire(fresh_server)
    head = wire.head("PUT", f"/api/workspaces/{workspace_id}/blobs/{sha256}", f"Content-Length: {len(data)}")
    with socket.create_connection(wire.address) as connection:
        connection.sendall(head + data[: 15 * MEBIBYTE])
        incoming = fresh_server.home.blobs / "incoming"
        until(
            lambda: sum(half.stat().st_size for half in incoming.glob("*")) >= 13 * MEBIBYTE, what="most of the bytes"
        )
        fresh_server.kill()
    wire.close()
    fresh_server.start()
    client = fresh_server.client()
    assert client.blobs.begun(workspace_id, sha256).size_bytes >= 13 * MEBIBYTE
    send_missing(client, workspace_id, [sha256], {sha256: (path, len(data))})
    with client.blobs.get(workspace_id, sha256) as body:
        assert body.read() == data


TWO_GIGABYTES = """
import sys
from azureml.core import Experiment, Workspace
ws = Workspace.create("demo", exist_ok=True)
run = Experiment(ws, "large").start_logging(snapshot_directory=None, outputs=False)
def peak_kb():
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
run.log("x", 1)
run.flush()
before = peak_kb()
run.upload_file("large.bin", sys.argv[1])
print("grown", (peak_kb() - before) // 1024, flush=True)
run.complete()
"""


@pytest.mark.every_fault
def test_two_gigabytes_go_up_in_bounded_memory_with_a_bar_on_a_terminal(
    fresh_server: RealServer, tmp_path: Path
) -> None:
    size = 2 << 30
    path = tmp_path / "large.bin"
    block = os.urandom(MEBIBYTE)
    with path.open("wb") as file:
        for number in range(size // MEBIBYTE):
            file.write(number.to_bytes(8, "big") + block[8:])
    assert fresh_server.process is not None
    watched = Watched(fresh_server.process.pid)
    told = on_a_terminal([sys.executable, "-c", TWO_GIGABYTES, str(path)], fresh_server.variables(), watched)
    assert re.search(r"sending \[#+\.*\] .* of 2\.[01] GB, .*/s", told), told[-2000:]
    grown = re.search(r"grown (\d+)", told)
    assert grown and int(grown[1]) < 100, told[-2000:]
    assert watched.grown_bytes < 100 * MEBIBYTE, watched.grown_bytes


class Watched:
    """The memory of a process, while somebody looks."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._first = self._most = self._now()

    def look(self) -> None:
        self._most = max(self._most, self._now())

    @property
    def grown_bytes(self) -> int:
        return self._most - self._first

    def _now(self) -> int:
        return int(self._status.read_text().partition("VmRSS:")[2].split()[0]) * 1024


def on_a_terminal(command: list[str], variables: dict[str, str], watched: Watched) -> str:
    """What a process writes to a terminal of its own."""
    import pty
    import select

    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, env=variables, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    told = b""
    deadline = time.monotonic() + 240
    try:
        while time.monotonic() < deadline:
            watched.look()
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    told += os.read(ours, 65536)
                except OSError:  # the other end is closed
                    break
        assert process.wait(30) == 0, told[-3000:]
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return told.decode(errors="replace")
