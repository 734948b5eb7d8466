"""A replica's process alone: started in a build, asked over sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from amlet.runtime.scoring.access import AccessFile
from amlet.runtime.scoring.files import ReplicaFile, ReplicaState

SDK = Path(__file__).resolve().parents[2] / "src"
REPLICA = SDK / "amlet" / "runtime" / "scoring" / "replica.py"
CAP = 200_000
# Without byte code every replica would compile scikit-learn anew.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


class Replica:
    def __init__(self, process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
        self.process = process
        self.folder = folder
        self.port = port

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def state(self) -> ReplicaState:
        return until(lambda: ReplicaState.read(self.folder))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, http.client.HTTPMessage]:
        with contextlib.closing(self.connect()) as connection:
            data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
            given = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
            connection.request(method, path, data, given)
            answer = connection.getresponse()
            raw = answer.read()
        is_json = answer.headers["content-type"] == "application/json" and method != "HEAD"
        return answer.status, json.loads(raw) if is_json else raw, answer.headers

    def score(self, body: Any, **headers: str) -> tuple[int, Any]:
        return self.ask("POST", "/score", body, **headers)[:2]

    def raw(self, sent: bytes) -> bytes:
        """All that comes back until the replica closes."""
        with self.socket() as client:
            client.sendall(sent)
            return read_all(client)


def read_all(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def until(found: Any, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := found():
            return value
        threading.Event().wait(0.01)
    raise AssertionError(f"nothing came within {seconds} s")


@contextlib.contextmanager
def replica_of(python: Path, overlay: Path, model: Path, folder: Path, **more: Any) -> Iterator[Replica]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        folder.mkdir(parents=True, exist_ok=True)
        AccessFile(more.pop("key_hashes", None), more.pop("token_secret", None)).write(folder)
        given = {"model_path": str(model), "overlay": str(overlay), "max_body_bytes": CAP, **more}
        ReplicaFile(listening.fileno(), **given).write(folder)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(python), str(REPLICA), str(folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listening.fileno()],
                cwd=folder,
                env=ENVIRONMENT,
            )
        try:
            yield Replica(process, folder, listening.getsockname()[1])
        finally:
            process.kill()
            process.wait()
