"""The client on real connections, with servers that answer, hang up, fall silent, end and come back."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from amlet.artifacts.remote import RemoteBlobs
from amlet.base.errors import InvalidInput, TooLarge, Unauthorized, Unavailable, VersionMismatch
from amlet.base.hashing import sha256_bytes
from amlet.client.connection import Client
from amlet.client.downloads import download
from amlet.client.local_server import LocalServer, connect
from amlet.client.transport import Transport
from amlet.client.uploads import send_missing
from amlet.domain.artifact import PACK_LIMIT_BYTES, Entry
from amlet.wire.errors import to_answer
from amlet.wire.server import PROTOCOL, StopServer
from amlet.wire.workspaces import EnsureWorkspace
from support.server import RealServer, clean_environment, until

HEALTHY = json.dumps({"status": "ok", "version": "0.0.1", "protocol": PROTOCOL}).encode()
DONE = b'{"done":true}'
Script = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Does what the script of the server says with each request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FakeServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()

    def _handle(self) -> None:
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization")))
        script = self.server.scripts.pop(0) if self.server.scripts else healthy
        script(self)

    do_GET = do_PUT = do_POST = _handle  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            assert self.rfile.readline() == b"\r\n"
        assert self.rfile.readline() == b"\r\n"
        return content

    def answer(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        """A reset, as from a process that was killed."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True
        self.rfile.close()
        self.connection.close()


class FakeServer(ThreadingHTTPServer):
    """A server on a real port that does what it is told; healthy when it is told nothing."""

    daemon_threads = True

    def __init__(self, *scripts: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts = list(scripts)
        self.seen: list[tuple[str, str, str | None]] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def handle_error(self, *_: Any) -> None:
        pass  # what a script breaks on purpose

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def healthy(handler: Handler) -> None:
    handler.server.bodies.append(handler.body())
    handler.answer(HEALTHY if handler.command == "GET" else DONE)


def hang_up_after_the_answer(handler: Handler) -> None:
    healthy(handler)
    handler.close_connection = True  # without saying so: as a keep-alive that ran out


def hang_up_unanswered(handler: Handler) -> None:
    handler.hang_up()


def hang_up_in_mid_answer(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True


def hang_up_in_mid_body(handler: Handler) -> None:
    handler.rfile.read(100_000)
    handler.hang_up()


def refuse_the_body_unread(handler: Handler) -> None:
    status, body = to_answer(TooLarge("The body is over its cap.", hint="send less"))
    handler.answer(json.dumps(body).encode(), status)
    handler.close_connection = True


@contextlib.contextmanager
def client_of(server: FakeServer, **more: Any) -> Iterator[Client]:
    client = Client(server.url, "secret", **{"patience_s": 10.0, **more})
    try:
        yield client
    finally:
        client.close()


def test_calls_share_one_connection_that_sends_at_once() -> None:
    with FakeServer() as server, client_of(server) as client:
        for _ in range(5):
            assert client.server.health().status == "ok"
        assert server.connections == 1
        [(_, connection)] = client.transport._pool._idle
        assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert server.seen[0] == ("GET", "/api/health", "Bearer secret")


def test_a_prefix_of_the_address_stands_before_every_path() -> None:
    with FakeServer() as server:
        client = Client(server.url + "/team-a/", "secret")
        client.server.health()
        client.close()
        assert server.seen[0][1] == "/team-a/api/health"


def test_a_kept_connection_that_the_server_closed_costs_no_patience() -> None:
    with FakeServer(hang_up_after_the_answer, healthy) as server, client_of(server, patience_s=0) as client:
        client.server.health()
        assert client.server.health().status == "ok"
        assert server.connections == 2


@pytest.mark.parametrize("fault", [hang_up_unanswered, hang_up_in_mid_answer])
def test_a_call_that_breaks_is_made_again(fault: Script) -> None:
    with FakeServer(fault, fault, healthy) as server, client_of(server) as client:
        assert client.server.health().status == "ok"
        assert len(server.seen) == 3


def test_a_call_that_breaks_fails_when_there_is_no_patience() -> None:
    with FakeServer(hang_up_unanswered) as server, client_of(server, patience_s=0) as client:
        with pytest.raises(Unavailable) as caught:
            client.server.health()
        assert server.url in caught.value.message


def test_a_stream_that_broke_is_opened_afresh_and_arrives_whole() -> None:
    content, opened = os.urandom(3_000_000), []

    def stream() -> Iterator[bytes]:
        opened.append(True)
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    for size in (len(content), None):
        opened.clear()
        with FakeServer(hang_up_in_mid_body) as server, client_of(server) as client:
            client.blobs.put("w", "0" * 64, stream, size)
            assert server.bodies == [content]
            assert len(opened) == 2


def test_a_body_that_is_refused_before_it_was_read_tells_why() -> None:
    with FakeServer(refuse_the_body_unread) as server, client_of(server) as client:
        with pytest.raises(TooLarge) as caught:
            client.blobs.put("w", "0" * 64, lambda: iter([b"x" * 1_000_000] * 50), 50_000_000)
        assert caught.value.hint == "send less"
        assert len(server.seen) == 1


def test_an_error_of_the_stream_is_no_error_of_the_connection() -> None:
    def stream() -> Iterator[bytes]:
        yield b"x" * 1000
        raise ConnectionResetError("this is the disk's")

    with FakeServer() as server, client_of(server) as client:
        with pytest.raises(ConnectionResetError, match="the disk's"):
            client.blobs.put("w", "0" * 64, stream, 2000)
        assert client.server.health().status == "ok"


@pytest.mark.parametrize("given", [999, 1001])
def test_a_stream_of_another_length_than_was_said_never_garbles_the_next_call(given: int) -> None:
    with FakeServer() as server, client_of(server) as client:
        with pytest.raises(InvalidInput, match="not 1000 bytes"):
            client.blobs.put("w", "0" * 64, lambda: iter([b"x" * given]), 1000)
        assert client.server.health().status == "ok"


def test_a_key_pressed_in_mid_call_closes_the_connection() -> None:
    def stream() -> Iterator[bytes]:
        yield b"x" * 1000
        raise KeyboardInterrupt

    with FakeServer() as server, client_of(server) as client:
        with pytest.raises(KeyboardInterrupt):
            client.blobs.put("w", "0" * 64, stream, 2000)
        assert not client.transport._pool._idle
        assert client.server.health().status == "ok"
        assert server.connections == 2


def test_a_server_that_is_silent_is_not_waited_for_without_end() -> None:
    released = threading.Event()
    with FakeServer(lambda _: released.wait(20) and None) as server:
        client = Client.over(Transport(server.url, "secret", patience_s=0, answer_s=0.1))
        try:
            with pytest.raises(Unavailable, match="no answer came in time"):
                client.server.health()
        finally:
            released.set()
            client.close()


def test_a_body_may_stay_open_while_other_calls_are_made() -> None:
    with FakeServer(lambda handler: handler.answer(b"x" * 3_000_000)) as server, client_of(server) as client:
        with client.blobs.get("w", "0" * 64) as body:
            chunks = body.chunks()
            first = next(chunks)
            assert client.server.health().status == "ok"
            assert len(first) + sum(map(len, chunks)) == 3_000_000
        assert server.connections == 2


def test_a_forked_child_has_connections_of_its_own() -> None:
    with FakeServer() as server, client_of(server) as client:
        client.server.health()
        child = os.fork()
        if child == 0:
            try:
                ok = client.server.health().status == "ok" and client.server.health().status == "ok"
                os._exit(0 if ok else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        client.server.health()
        assert len(server.seen) == 4
        assert server.connections == 2


def test_many_threads_may_use_one_client() -> None:
    with FakeServer() as server, client_of(server) as client:
        found: list[str] = []
        threads = [
            threading.Thread(target=lambda: found.extend(client.server.health().status for _ in range(10)))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["ok"] * 120
        assert server.connections <= 120


def test_importing_the_client_loads_nothing_that_a_job_may_not_need() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, amlet.client as c; print(*sys.modules); c.connect; print(*sys.modules)"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    at_first, when_used = (set(line.split()) for line in told.stdout.splitlines())
    assert not at_first & {"http.client", "ssl", "subprocess", "uuid", "yaml", "typing", "amlet.wire", "amlet.base"}
    assert not when_used & {"http.client", "ssl", "uuid", "yaml", "subprocess", "logging", "asyncio", "email"}


# With the real server.


@pytest.fixture
def workspace(shared_server: RealServer) -> tuple[Client, str]:
    client = shared_server.client()
    return client, client.workspaces.ensure(EnsureWorkspace("s", "g", "client-tests")).workspace.id


def test_files_sent_by_the_client_are_what_a_node_fetches(workspace: tuple[Client, str], tmp_path: Path) -> None:
    client, workspace_id = workspace
    sizes = [0, 1, 5000, PACK_LIMIT_BYTES - 1, PACK_LIMIT_BYTES, 2_500_000]
    contents = [os.urandom(size) for size in sizes] + [b"twin", b"twin"]
    entries, sources = [], {}
    for number, content in enumerate(contents):
        path = tmp_path / f"'ü {number}"
        path.write_bytes(content)
        entries.append(Entry(path.name, sha256_bytes(content), len(content)))
        sources[entries[-1].sha256] = (path, len(content))
    told: list[tuple[int, int]] = []
    send_missing(client, workspace_id, list(sources), sources, lambda *sent: told.append(sent))
    assert told[-1][0] == told[-1][1] == sum(sizes) + 4
    fetched = {entry.path: b"".join(chunks) for entry, chunks in RemoteBlobs(client, workspace_id).fetch(entries)}
    assert fetched == {entry.path: content for entry, content in zip(entries, contents, strict=True)}
    assert download(client.blobs.get(workspace_id, entries[5].sha256), tmp_path / "down") == sizes[5]
    assert (tmp_path / "down").read_bytes() == contents[5]


def test_a_file_that_changes_while_it_is_sent_is_named(workspace: tuple[Client, str], tmp_path: Path) -> None:
    client, workspace_id = workspace
    path = tmp_path / "data.bin"
    path.write_bytes(os.urandom(PACK_LIMIT_BYTES))
    sha256 = sha256_bytes(path.read_bytes())
    path.write_bytes(os.urandom(PACK_LIMIT_BYTES))
    with pytest.raises(InvalidInput, match=r"data\.bin was changed while it was sent"):
        send_missing(client, workspace_id, [sha256], {sha256: (path, PACK_LIMIT_BYTES)})


# Finding and starting the local server.


@pytest.fixture
def empty_home() -> Iterator[RealServer]:
    """A home without a server; whatever is started in it is ended."""
    folder = Path(tempfile.mkdtemp(prefix="amlet-client-"))
    server = RealServer(folder / "a home")
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def told_by(server: RealServer) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(server.home.server_file.read_text())
    return told


def test_the_first_use_starts_a_server_and_the_next_finds_it(
    empty_home: RealServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("AZUREML_RUN_ID", "the run that starts it")
    monkeypatch.setenv("AMLET_RUN_ID", "the run that starts it")
    monkeypatch.setenv("AMLET_SECRET_KEY", "of the server, and of nobody else")
    client = connect(empty_home.home)
    started = capfd.readouterr().err
    assert started == f"amlet: started a server for this user at {client.url} (amlet server stop ends it)\n"
    again = connect(empty_home.home)
    assert again.url == client.url
    assert again.server.status().pid == client.server.status().pid == told_by(empty_home)["pid"]
    assert capfd.readouterr().err == ""
    variables = Path(f"/proc/{told_by(empty_home)['pid']}/environ").read_bytes()
    assert b"the run that starts it" not in variables
    assert b"PYTHONDONTWRITEBYTECODE" not in variables
    assert b"AMLET_SECRET_KEY=of the server" in variables
    assert os.getsid(told_by(empty_home)["pid"]) != os.getsid(0)
    assert empty_home.home.server_log.stat().st_mode & 0o077 == 0

    os.kill(told_by(empty_home)["pid"], signal.SIGKILL)
    before = told_by(empty_home)
    assert client.server.health().status == "ok", "a server that crashed is started again by a client that needs it"
    assert told_by(empty_home)["pid"] != before["pid"]
    assert told_by(empty_home)["token"] == before["token"]
    assert capfd.readouterr().err.count("amlet: started a server") == 1

    client.server.stop(StopServer(cancel_runs=True))
    until(lambda: not empty_home.home.server_file.exists(), what="the server's end")
    with pytest.raises(Unavailable):
        client.patient(0.5).server.status()
    assert not empty_home.home.server_file.exists(), "one that was stopped is not started again by who still waits"
    client.close()
    again.close()


def test_fifty_processes_on_an_empty_home_start_one_server(empty_home: RealServer, tmp_path: Path) -> None:
    script = tmp_path / "fifty.py"
    script.write_text(
        "import os, sys\n"
        "from amlet.client import connect\n"
        "children = []\n"
        "for _ in range(50):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        status = connect().server.status()\n"
        "        os.write(1, b'%d\\n' % status.pid)\n"
        "        os._exit(0)\n"
        "    children.append(child)\n"
        "sys.exit(max(os.waitpid(child, 0)[1] for child in children))\n"
    )
    told = subprocess.run(
        [sys.executable, str(script)], env=empty_home.variables(), capture_output=True, text=True, timeout=90
    )
    assert told.returncode == 0, told.stderr[-3000:]
    assert told.stdout.split() == [str(told_by(empty_home)["pid"])] * 50
    assert told.stderr.count("amlet: started a server") == 1


def test_what_a_dead_server_left_is_no_server(empty_home: RealServer) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_server_file(empty_home, f"http://127.0.0.1:{port}", gone.pid)
    with pytest.raises(Unavailable, match="No amlet server runs"):
        LocalServer(empty_home.home, start=False).connect()
    client = connect(empty_home.home)
    assert client.server.status().pid == told_by(empty_home)["pid"] != gone.pid
    client.close()


def test_offline_starts_no_server(empty_home: RealServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMLET_OFFLINE", "1")
    with pytest.raises(Unavailable) as caught:
        connect(empty_home.home)
    assert "AMLET_OFFLINE" in (caught.value.hint or "")
    assert not empty_home.home.root.exists()


def test_a_server_that_ends_at_once_is_told_with_its_last_lines(empty_home: RealServer) -> None:
    empty_home.home.root.mkdir(parents=True)
    empty_home.home.server_log.write_text("of an earlier one\n")
    program = "import sys; [print('line', n) for n in range(100)]; sys.exit('the disk is on fire')"
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        LocalServer(empty_home.home, command=[sys.executable, "-c", program]).connect()
    assert time.monotonic() - began < 10
    said = caught.value.message
    assert "exit code 1" in said and "the disk is on fire" in said and "line 99" in said
    assert "line 80\n" not in said and "earlier" not in said
    assert str(empty_home.home.server_log) in (caught.value.hint or "")


def test_a_program_that_is_not_there_is_named(empty_home: RealServer) -> None:
    with pytest.raises(Unavailable, match="/no/such/python"):
        LocalServer(empty_home.home, command=["/no/such/python"]).connect()


def write_server_file(server: RealServer, url: str, pid: int) -> None:
    server.home.root.mkdir(parents=True, exist_ok=True)
    told = {"url": url, "token": "of-the-file", "pid": pid, "version": "0.0.1", "protocol": PROTOCOL, "started": ""}
    server.home.server_file.write_text(json.dumps(told))


@pytest.mark.parametrize(("protocol", "hint"), [(PROTOCOL - 1, "`amlet server stop`"), (PROTOCOL + 1, "upgrade")])
def test_a_server_of_another_protocol_is_told_with_both_versions(
    protocol: int, hint: str, empty_home: RealServer
) -> None:
    other = json.dumps({"status": "ok", "version": "7.8.9", "protocol": protocol}).encode()
    with FakeServer(*[lambda handler: handler.answer(other)] * 2) as server:
        write_server_file(empty_home, server.url, os.getpid())
        for call in (lambda: connect(empty_home.home), lambda: connect(url=server.url, token="x")):
            with pytest.raises(VersionMismatch, match=r"7\.8\.9") as caught:
                call()
            assert f"protocol {PROTOCOL})" in caught.value.message
            assert hint in (caught.value.hint or "")


def test_the_token_is_not_shown_before_a_server_has_answered(empty_home: RealServer) -> None:
    with FakeServer() as server:
        write_server_file(empty_home, server.url, os.getpid())
        client = connect(empty_home.home)
        client.server.health()
        client.close()
        assert [token for _, _, token in server.seen] == [None, "Bearer of-the-file"]


def test_the_server_is_chosen_by_argument_then_variable_then_job(
    empty_home: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as argument, FakeServer() as variable, FakeServer() as job:
        monkeypatch.setenv("AZUREML_SERVICE_ENDPOINT", job.url)
        monkeypatch.setenv("AZUREML_RUN_TOKEN", "of-the-run")
        connect(empty_home.home).close()
        assert job.seen[-1][2] == "Bearer of-the-run"
        monkeypatch.setenv("AMLET_URL", variable.url)
        monkeypatch.setenv("AMLET_TOKEN", "of-the-variable\n")
        connect(empty_home.home).close()
        assert variable.seen[-1][2] == "Bearer of-the-variable"
        connect(empty_home.home, url=argument.url, token="of-the-argument").close()
        assert argument.seen[-1][2] == "Bearer of-the-argument"
        assert (len(job.seen), len(variable.seen), len(argument.seen)) == (1, 1, 1)
    assert not empty_home.home.root.exists()


def test_an_address_without_a_token_is_refused_unless_it_is_the_local_server(
    empty_home: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as server:
        monkeypatch.setenv("AMLET_URL", server.url + "/")
        with pytest.raises(Unauthorized) as caught:
            connect(empty_home.home)
        assert "AMLET_TOKEN" in (caught.value.hint or "")
        assert server.seen == []
        write_server_file(empty_home, server.url, os.getpid())
        connect(empty_home.home).close()
        assert server.seen[-1][2] == "Bearer of-the-file"


def test_an_address_where_nobody_listens_is_told_soon() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(Unavailable, match=url):
            connect(url=url, token="x")
        assert time.monotonic() - began < 8


def test_a_python_without_a_server_says_so_in_a_job_folder(empty_home: RealServer, tmp_path: Path) -> None:
    package = Path(sys.modules["amlet"].__file__ or "").parent
    for part in ("base", "domain", "wire", "client"):
        shutil.copytree(package / part, tmp_path / "amlet" / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(package / "__init__.py", tmp_path / "amlet")
    told = subprocess.run(
        [sys.executable, "-S", "-c", "from amlet.client import connect; connect()"],
        cwd=tmp_path,
        env=empty_home.variables(),
        capture_output=True,
        text=True,
    )
    assert "amlet.base.errors.Unavailable: No amlet server is known, and this Python cannot start one" in told.stderr
