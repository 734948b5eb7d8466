"""Replicas: keep the wanted scoring processes alive, each on its service's listening socket."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import socket
import threading
import time
from pathlib import Path

from amlet.artifacts.remote import RemoteBlobs
from amlet.base.errors import AmletError, NotFound, ServiceFailed, StorageFailed, Unavailable
from amlet.base.paths import inside, owner_only
from amlet.base.variables import job_environment
from amlet.domain import service as services
from amlet.domain.service import ReplicaLease
from amlet.environments import conda
from amlet.node.parts import Parts
from amlet.node.processes import JobProcess
from amlet.node.tails import Tail
from amlet.node.variables import with_threads
from amlet.runtime.marked import end_marked
from amlet.runtime.scoring.files import ReplicaFile, ReplicaState
from amlet.wire import nodes as wire

SYNC_WAIT_S = 10.0
TICK_S = 0.05
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
STEADY_S = 30.0
"""A replica that lived for so long starts again at once."""

DRAIN_S = 6.0

PATIENCE_S = 3600.0
"""A deployment is not given up because the server is away."""

Key = tuple[str, str]
"""A service: its workspace's id and its name."""

log = logging.getLogger("amlet.node")


class Replicas(threading.Thread):
    """Compares the replicas wanted with those held, whenever either changes."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(name="replicas", daemon=True)
        self._parts = parts
        self._held: dict[Key, Keeper] = {}
        self._ports = Ports()
        self._closed = threading.Event()

    def run(self) -> None:
        self._end_left_over()
        known = -1
        while not self._closed.is_set():
            held = [keeper.state for keeper in self._held.values()]
            asked = wire.SyncReplicas(self._parts.name, held, known, SYNC_WAIT_S)
            try:
                answer = self._parts.client.nodes.sync_replicas(asked, patience_s=1.0)
            except (Unavailable, NotFound):
                self._closed.wait(0.5)
                continue
            except AmletError as error:
                log.error("replicas: %s", error)
                self._closed.wait(1.0)
                continue
            known = answer.number
            self._bring_about(answer.wanted)

    def close(self) -> None:
        """End every replica and wait for it."""
        self._closed.set()
        for keeper in self._held.values():
            keeper.end()
        for key in list(self._held):
            self._drop(key)

    def _end_left_over(self) -> None:
        """End the replicas of a node that was killed: they listen on ports that are wanted again, or by nobody."""
        folder = self._parts.folder / "replicas"
        below = str(folder) + os.sep
        end_marked(
            str(self._parts.home),
            lambda found: found.variables.get("AZUREML_MODEL_DIR", "").startswith(below),
            grace_s=DRAIN_S,
        )
        shutil.rmtree(folder, ignore_errors=True)

    def _bring_about(self, wanted: list[ReplicaLease]) -> None:
        named = {(lease.workspace_id, lease.service): lease for lease in wanted}
        for key in [key for key in self._held if key not in named]:
            self._drop(key)
        for key, lease in named.items():
            held = self._held.get(key)
            if held is None or held.lease.revision != lease.revision:
                # The one before answers until this one does: both accept on one socket.
                keeper = Keeper(self._parts, lease, self._ports, before=held)
                self._held[key] = keeper
                keeper.start()

    def _drop(self, key: Key) -> None:
        """End a service's replica, and those before it, and only then let its port go."""
        line = self._held.pop(key).line()
        for keeper in line:
            keeper.end()
        for keeper in line:
            keeper.join(DRAIN_S + 5)
        self._ports.close(key)


class Ports:
    """The listening socket of each service: opened once, kept over restarts and revisions, closed with the service."""

    def __init__(self) -> None:
        self._sockets: dict[Key, socket.socket] = {}
        self._lock = threading.Lock()

    def of(self, lease: ReplicaLease) -> socket.socket:
        """The service's socket. Raises ServiceFailed when its port is another program's."""
        key = (lease.workspace_id, lease.service)
        with self._lock:
            if key not in self._sockets:
                self._sockets[key] = _listen(lease.host, lease.port)
            return self._sockets[key]

    def close(self, key: Key) -> None:
        """Let a service's port go."""
        with self._lock:
            listening = self._sockets.pop(key, None)
        if listening is not None:
            listening.close()


class Keeper(threading.Thread):
    """Keeps one replica alive: starts the process, starts it again when it dies.

    The service's socket is handed to every process, also to that of the next revision, which joins, answers, and then
    ends the one before: no request finds the port closed.
    """

    def __init__(self, parts: Parts, lease: ReplicaLease, ports: Ports, before: Keeper | None) -> None:
        super().__init__(name=f"replica-{lease.service}", daemon=True)
        self.lease = lease
        self._parts = parts
        self._before = before
        self._ports = ports
        self._listening: socket.socket | None = None
        self._folder = parts.folder / "replicas" / replica_name(lease.workspace_id, lease.service, lease.revision)
        self._ended = threading.Event()
        self.state = self._told(services.TRANSITIONING)

    def end(self) -> None:
        """Ask for the end; requests in flight are finished."""
        self._ended.set()

    def line(self) -> list[Keeper]:
        """This one and those before it that still live."""
        if self._before is not None and not self._before.is_alive():
            self._before = None
        return [self, *(self._before.line() if self._before is not None else [])]

    def run(self) -> None:
        try:
            self._keep()
        except AmletError as error:
            self._tell(services.FAILED, str(error))
        except OSError as error:
            self._tell(services.FAILED, str(StorageFailed.from_os_error(error, error.filename or self._folder)))
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _keep(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        lines: list[str] = []
        build = self._parts.environments.build(self.lease.lock, lines.append)
        overlay = self._parts.environments.overlay(build.python, lines.append)
        owner_only(self._folder)
        model = self._folder / "model"
        blobs = RemoteBlobs(self._parts.client.patient(PATIENCE_S), self.lease.workspace_id)
        (served,) = self.lease.models
        self._parts.trees.stage(served.files, blobs.fetch, model)
        self._listening = self._ports.of(self.lease)
        pause_s = FIRST_PAUSE_S
        while not self._ended.is_set():
            began = time.monotonic()
            healthy = self._one_life(build.python, overlay, inside(model, served.files.entries[0].path))
            if self._ended.is_set() or not healthy:
                return
            self._tell(services.UNHEALTHY, "The replica's process ended; it is started again.")
            pause_s = FIRST_PAUSE_S if time.monotonic() - began > STEADY_S else min(2 * pause_s, LONGEST_PAUSE_S)
            self._ended.wait(pause_s)

    def _one_life(self, python: Path, overlay: Path, model: Path) -> bool:
        """Start the process and stay with it; whether it ever answered."""
        assert self._listening is not None
        listening = self._listening
        output = self._folder / "replica.log"
        for name in ("state.json", "replica.log"):
            (self._folder / name).unlink(missing_ok=True)
        ReplicaFile(str(model), listening.fileno(), overlay=str(overlay)).write(self._folder)
        variables = with_threads(conda.activated(job_environment(), python), self.lease.share)
        variables |= {"PYTHONPATH": str(self._parts.sdk), "PYTHONUNBUFFERED": "1"}
        variables["AZUREML_MODEL_DIR"] = str(self._folder / "model")
        script = self._parts.sdk / "amlet" / "runtime" / "scoring" / "replica.py"
        process = JobProcess.start(
            [str(python), str(script), str(self._folder)],
            folder=self._folder,
            cwd=self._folder,
            variables=variables,
            output=output,
            keep_fds=[listening.fileno()],
        )
        tail = _LogTail(self._parts, self.lease, output)
        healthy = False
        try:
            while not process.wait(TICK_S):
                tail.advance()
                if not healthy and (told := ReplicaState.read(self._folder)) and told.state == services.HEALTHY:
                    healthy = True
                    self._tell(services.HEALTHY)
                    for earlier in self.line()[1:]:
                        earlier.end()
                if self._ended.is_set():
                    process.end(DRAIN_S)
            tail.drain()
        finally:
            process.close()
        if not healthy and not self._ended.is_set():
            self._tell(services.FAILED, self._reason(output))
        return healthy

    def _reason(self, output: Path) -> str:
        told = ReplicaState.read(self._folder)
        if told is not None and told.error:
            return told.error + (f"\n{told.traceback}" if told.traceback else "")
        with contextlib.suppress(OSError):
            lines = output.read_text(errors="replace").splitlines()[-40:]
            return "The replica ended before it answered. The end of its log:\n" + "\n".join(lines)
        return "The replica ended before it answered, and left no log."

    def _told(self, state: str, error: str | None = None) -> wire.ReplicaState:
        port = self._listening.getsockname()[1] if self._listening is not None else None
        return wire.ReplicaState(self.lease.workspace_id, self.lease.service, self.lease.revision, state, port, error)

    def _tell(self, state: str, error: str | None = None) -> None:
        """Note the state and tell the server at once; the next exchange tells it again if this one is lost."""
        self.state = self._told(state, error)
        asked = wire.SyncReplicas(self._parts.name, [self.state], -1, 0.0)
        with contextlib.suppress(AmletError):
            self._parts.client.nodes.sync_replicas(asked, patience_s=5.0)


def replica_name(workspace_id: str, service: str, revision: int) -> str:
    """The name of a replica's folder: of fixed length and alphabet, whatever the service is called."""
    return hashlib.sha256(f"{workspace_id}/{service}/{revision}".encode()).hexdigest()[:24]


class _LogTail:
    """Lines of a replica, sent on as they come. What is lost while the server is away stays lost: it is a log."""

    def __init__(self, parts: Parts, lease: ReplicaLease, path: Path) -> None:
        self._parts = parts
        self._lease = lease
        self._tail = Tail(path, self._send)
        self.advance = self._tail.advance
        self.drain = self._tail.drain

    def _send(self, offset: int, data: bytes) -> int:
        if data:
            with contextlib.suppress(AmletError):
                self._parts.client.nodes.append_service_log(
                    self._lease.workspace_id, self._lease.service, data, len(data)
                )
        return offset + len(data)


def _listen(host: str, port: int | None) -> socket.socket:
    """Open the port; without one, any free one.

    Raises:
        ServiceFailed: if the port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port or 0))
    except OSError as error:
        listening.close()
        raise ServiceFailed(
            f"Port {port} on {host} is in use by another program.",
            hint="end that program, or deploy under another name: a new service gets a free port.",
        ) from error
    listening.listen(1024)
    listening.set_inheritable(True)
    return listening
