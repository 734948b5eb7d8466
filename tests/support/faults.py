"""What fault tests need: a gate between client and server, a slow package index, and a scene to harm."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from amlet.base.hashing import sha256_bytes
from amlet.client.connection import Client
from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.domain.run import TERMINAL, Run
from amlet.environments.once import MARKER
from amlet.wire.files import FileQuery
from amlet.wire.runs import RunQuery, SubmitRun
from amlet.wire.server import StopServer
from amlet.wire.workspaces import EnsureWorkspace
from support.server import RealServer, until


def own_python(python: str | Path) -> EnvironmentSpec:
    """Quick: nothing is resolved and nothing built."""
    return EnvironmentSpec("own", user_managed=True, interpreter=str(python))


OWN_PYTHON = own_python(sys.executable)

TINY = EnvironmentSpec("tiny", python="3.11", pip=["tiny"])
"""One small wheel of the slow index."""

ROW = "fault"
"""The property of a report that holds a row for the table of faults: stage, victim, outcome, seconds."""

SETTLED_S = 30.0
"""After a kill -9 of anything, every run goes on or ends within this time."""

SCRIPT = """
import os, sys, time
from azureml.core import Run

flags = sys.argv[1]
run = Run.get_context()
logged = open(os.path.join(flags, "logged"), "a")

def part(numbers):
    for number in numbers:
        run.log("value", number)
        logged.write("%d\\n" % number)
        logged.flush()
        print("line", number)

part(range(20))
open(os.path.join(flags, "middle.here"), "w").close()
chatty = os.path.exists(os.path.join(flags, "chatty"))
more = 0
while not os.path.exists(os.path.join(flags, "middle")):
    if chatty:
        more += 1
        print("chat", more)
    else:
        time.sleep(0.01)
part(range(20, 40))
os.makedirs("outputs", exist_ok=True)
with open("outputs/big.bin", "wb") as big:
    for number in range(8):
        big.write(bytes([number]) * (1 << 20))
with open("outputs/small.txt", "w") as small:
    small.write("small")
print("chats", more)
"""

CLIENT = """
import json, os, sys
from azureml.core import Environment, Experiment, Run, ScriptRunConfig, Workspace

flags, kind, register = sys.argv[1:4]
ws = Workspace.from_config()
env = Environment("own")
if kind == "own":
    env.python.user_managed_dependencies = True
    env.python.interpreter_path = sys.executable
else:
    from azureml.core.conda_dependencies import CondaDependencies
    env = Environment("tiny")
    env.python.conda_dependencies = CondaDependencies.create(python_version="3.11", pip_packages=["tiny"])
run = Experiment(ws, "faults").submit(ScriptRunConfig(".", "train.py", arguments=[flags], environment=env))
print("run", run.id, flush=True)
run.wait_for_completion(raise_on_error=False)
print("status", run.get_status(), flush=True)
if register == "register":
    model = run.register_model("kept", "outputs/small.txt")
    print("model", model.version, flush=True)
"""


class Gate:
    """A TCP proxy that stands before a server, and can hold one request.

    The server is told to call itself by the gate's address, so that clients and nodes alike come through it. Where
    the server listens now is read from its file for every connection.
    """

    def __init__(self, server_file: Path) -> None:
        self._server_file = server_file
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._pattern: re.Pattern[bytes] | None = None
        self._after = 0
        self._answers = False
        self._open = threading.Event()
        self.reached = threading.Event()
        """Set when the request that was to be held is."""
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._held: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def hold(self, pattern: bytes, *, after_bytes: int = 0, answer: bool = False) -> None:
        """Hold the first request whose head matches: before its first byte, or after so many of its bytes.

        With `answer` the request goes on whole, and its answer is what is held, and never given.
        """
        self._pattern, self._after, self._answers = re.compile(pattern), after_bytes, answer
        self._open.clear()
        self.reached.clear()

    def release(self) -> None:
        """Let the held request go on."""
        self._open.set()

    def close(self) -> None:
        """End every connection."""
        self._open.set()
        _end(self._listening, *self._held)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._held.append(client)
            self._start(self._connection, client)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _connection(self, client: socket.socket) -> None:
        try:
            port = json.loads(self._server_file.read_text())["port"]
            server = socket.create_connection(("127.0.0.1", port), timeout=5)
        except (OSError, ValueError, KeyError):
            client.close()
            return
        self._held.append(server)
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cut = threading.Event()
        self._start(self._pump, server, client, cut)
        self._requests(client, server, cut)

    def _requests(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        left: int | None = None
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                pattern = self._pattern
                if pattern is not None and pattern.search(data):
                    self._pattern = None
                    if self._answers:
                        cut.set()
                        self.reached.set()
                    else:
                        left = self._after
                if left is not None:
                    if len(data) >= left:
                        server.sendall(data[:left])
                        data, left = data[left:], None
                        self.reached.set()
                        self._open.wait(120)
                    else:
                        left -= len(data)
                server.sendall(data)
        _end(client, server)

    def _pump(self, server: socket.socket, client: socket.socket, cut: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                if cut.is_set():
                    break
                client.sendall(data)
        _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for held in sockets:
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)
        held.close()


class SlowIndex:
    """A package index with one package, that can hold a page or a file back."""

    def __init__(self) -> None:
        self._pattern: str | None = None
        self._open = threading.Event()
        self.reached = threading.Event()
        wheel, metadata = _tiny_wheel()
        digests = sha256_bytes(wheel), sha256_bytes(metadata)
        name = "tiny-1.0-py3-none-any.whl"
        page = (
            f'<!DOCTYPE html><a href="/files/{name}#sha256={digests[0]}" data-dist-info-metadata="sha256={digests[1]}" '
            f'data-core-metadata="sha256={digests[1]}">{name}</a>'
        ).encode()
        bodies = {"/simple/tiny/": page, f"/files/{name}": wheel, f"/files/{name}.metadata": metadata}
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index._wait(self.path)
                body = bodies.get(self.path)
                with contextlib.suppress(OSError):
                    self.send_response(200 if body is not None else 404)
                    self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/zip")
                    self.send_header("Content-Length", str(len(body or b"")))
                    self.end_headers()
                    self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple"

    def hold(self, path: str) -> None:
        """Hold requests for this path back until `release`."""
        self._pattern = path
        self._open.clear()
        self.reached.clear()

    def release(self) -> None:
        self._pattern = None
        self._open.set()

    def close(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def _wait(self, path: str) -> None:
        if path == self._pattern:
            self.reached.set()
            self._open.wait(120)


def _tiny_wheel() -> tuple[bytes, bytes]:
    metadata = b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
    files = {
        "tiny.py": b"NUMBER = 1\n",
        "tiny-1.0.dist-info/METADATA": metadata,
        "tiny-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny-1.0.dist-info/RECORD": b"tiny.py,,\ntiny-1.0.dist-info/METADATA,,\ntiny-1.0.dist-info/WHEEL,,\n"
        b"tiny-1.0.dist-info/RECORD,,\n",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue(), metadata


class Scene:
    """A server behind a gate, a user's folder with a script, and what must be true of both afterwards."""

    def __init__(self, folder: Path, *, own_index: bool = True) -> None:
        """`own_index` takes the one small package from the slow index, and nothing else."""
        self.folder = folder
        self._own_index = own_index
        self.flags = folder / "flags"
        self.source = folder / "source"
        self.source.mkdir()
        self.flags.mkdir()
        (self.source / "train.py").write_text(SCRIPT)
        (self.source / "config.json").write_text(
            json.dumps({"subscription_id": "s", "resource_group": "g", "workspace_name": "faults"})
        )
        self.server = RealServer(folder / "home")
        self.gate = Gate(self.server.home.server_file)
        self.index = SlowIndex()
        self.client_process: subprocess.Popen[str] | None = None
        self._workspace: str | None = None
        self._client: Client | None = None

    def __enter__(self) -> Scene:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.release()
        self.index.close()
        if self.client_process is not None:
            if self.client_process.poll() is None:
                self.client_process.kill()
            self._end_client()
        try:
            self.server.close()
        finally:
            self.gate.close()

    def start(self, **more: str) -> None:
        """Start the server, or start it again."""
        if self._own_index:
            more |= {"UV_DEFAULT_INDEX": self.index.url, "UV_CACHE_DIR": str(self.folder / "uv-cache")}
        self.server.start(AMLET_PUBLIC_URL=self.gate.url, **more)

    @property
    def client(self) -> Client:
        """Patient, through the gate."""
        if self._client is None:
            self._client = self.server.client(patience_s=60)
        return self._client

    @property
    def workspace_id(self) -> str:
        if self._workspace is None:
            self._workspace = self.client.workspaces.ensure(EnsureWorkspace("s", "g", "faults")).workspace.id
        return self._workspace

    # What users do

    def flag(self, name: str) -> None:
        """Let the script go on."""
        (self.flags / name).touch()

    def submit(self, script: str = SCRIPT, spec: EnvironmentSpec = OWN_PYTHON, *, name: str = "train") -> Run:
        """Submit a script of its own folder over the wire."""
        folder = self.folder / f"of-{name}"
        folder.mkdir(exist_ok=True)
        (folder / "train.py").write_text(script)
        return submit_folder(self.client, self.workspace_id, folder, spec, [str(self.flags)])

    def start_client(self, kind: str = "own", register: str = "no") -> None:
        """Start a user's script: it submits, waits for the end, and perhaps registers a model."""
        (self.source / "client.py").write_text(CLIENT)
        self.client_process = subprocess.Popen(
            [sys.executable, "client.py", str(self.flags), kind, register],
            cwd=self.source,
            env=self.server.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def client_ends(self, seconds: float = 60.0) -> dict[str, str]:
        """What the user's script printed, by the first word of each line; it must end well."""
        assert self.client_process is not None
        text, _ = self.client_process.communicate(timeout=seconds)
        assert self.client_process.returncode == 0, text
        return {line.split()[0]: line.split()[-1] for line in text.splitlines() if line.strip()}

    # What can be seen

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return self.client.runs.list(self.workspace_id, RunQuery(limit=1000)).runs[::-1]

    def run(self) -> Run:
        """The youngest run."""
        return until(self.runs, what="a run")[-1]

    def status(self, wanted: str) -> Run:
        """The youngest run, once it has this status."""
        return until(lambda: (runs := self.runs()) and runs[-1].status == wanted and runs[-1], what=wanted)

    def settled(self, seconds: float = SETTLED_S) -> list[Run]:
        """All runs, once each is over."""

        def look() -> list[Run] | None:
            runs = self.runs()
            return runs if all(run.status in TERMINAL for run in runs) else None

        found = until(lambda: [look()] if look() is not None else None, seconds=seconds, what="the end of every run")
        return found[0] or []

    def values(self, run: Run, name: str = "value") -> list[int]:
        """The points of a metric."""
        found = self.client.runs.metrics(self.workspace_id, run.id).values.get(name, [])
        return found if isinstance(found, list) else [found]

    def text(self, run: Run, path: str) -> bytes:
        """A file of the run; nothing while there is none."""
        if path not in {file.path for file in self.client.runs.get(self.workspace_id, run.id).files}:
            return b""
        with self.client.runs.file(self.workspace_id, run.id, FileQuery(path)) as body:
            return body.read()

    def logged(self) -> list[int]:
        """The values that run.log returned from, as the script itself noted them."""
        with contextlib.suppress(FileNotFoundError):
            return [int(line) for line in (self.flags / "logged").read_text().splitlines()]
        return []

    # Whom to kill

    def pids(self, who: str) -> list[int]:
        """Processes of a role: client, server, node, job, replica, uv."""
        if who == "client":
            assert self.client_process is not None
            return [self.client_process.pid]
        if who == "server":
            assert self.server.process is not None
            return [self.server.process.pid]
        if who == "node":
            return [self.server.node_pid()]
        return [pid for pid in self.server.marked() if _role(pid) == who]

    def kill(self, who: str) -> None:
        """kill -9 of all processes of a role."""
        found = until(lambda: self.pids(who), what=f"a process that is {who}")
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if who == "server":
            assert self.server.process is not None
            self.server.process.wait(10)
        if who == "client":
            self._end_client()

    def _end_client(self) -> None:
        assert self.client_process is not None
        self.client_process.wait(10)
        if self.client_process.stdout is not None:
            self.client_process.stdout.close()

    # What must be true

    def check_whole(self) -> None:
        """Nothing half made is to be seen: builds, blobs, models."""
        builds = self.server.home.environments / "builds"
        for folder in builds.glob("[!.]*"):
            assert (folder / MARKER).is_file(), f"{folder} is seen half made"
        for path in self.server.home.blobs.glob("[0-9a-f][0-9a-f]/*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        for path in self.server.home.blobs.glob("packs/*/*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name

    def stop(self) -> None:
        """What `amlet server stop --cancel-runs` does; afterwards nothing bears the home's mark."""
        assert self.server.process is not None
        if self.client_process is not None and self.client_process.poll() is None:
            self.client_process.kill()
            self.client_process.wait()
        self.client.server.stop(StopServer(cancel_runs=True))
        self.server.process.wait(30)
        left = self.server.marked()
        assert not left, [_command(pid) for pid in left]


def submit_folder(
    client: Client, workspace_id: str, folder: Path, spec: EnvironmentSpec, arguments: list[str], **changes: object
) -> Run:
    """Submit `train.py` of a folder over the wire."""
    snapshot = scan(folder)
    job = Job(spec, "", script="train.py", arguments=arguments)
    asked = SubmitRun("faults", job, snapshot.entries, f"{folder.name}-{time.time_ns()}")
    answer = submit_with_blobs(
        lambda: client.runs.submit(workspace_id, asked), client, workspace_id, sources_of(folder, snapshot.entries)
    )
    assert answer.run is not None
    return answer.run


@contextlib.contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def passes(seconds: float) -> bool:
    """Let time itself pass: what a lease or a freeze is about. Always true."""
    threading.Event().wait(seconds)
    return True


def _role(pid: int) -> str:
    words = _command(pid).split()
    text = " ".join(words[:3])
    if "bootstrap.py" in text and "warm:" in text:
        return "parent"  # of warm starts: no run's
    if "bootstrap.py" in text:
        return "job"
    if "replica.py" in text:
        return "replica"
    if words and Path(words[0]).name == "uv":
        return "uv"
    return ""


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
