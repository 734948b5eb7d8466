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
from amlet.domain.service import ReplicaLease, ReplicaModel
from amlet.environments import conda
from amlet.node.parts import Parts
from amlet.node.processes import JobProcess
from amlet.node.tails import Tail
from amlet.node.variables import with_threads
from amlet.runtime.marked import end_marked
from amlet.runtime.scoring.access import AccessFile
from amlet.runtime.scoring.files import ReplicaFile, ReplicaState
from amlet.runtime.scoring.metrics import load_of
from amlet.wire import nodes as wire

SYNC_WAIT_S = 10.0
TICK_S = 0.05
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
STEADY_S = 30.0
"""A replica that lived for so long starts again at once."""

DRAIN_S = 6.0

MODELS = "azureml-models"
"""Below it the models of a service lie by name and version (v1-behaviours 15.18)."""

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
            held = [keeper.now() for keeper in self._held.values()]
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
            else:
                held.change(lease)

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
        # Kept when the service goes, and the same for all its revisions.
        self._captures = parts.folder / "captures" / replica_name(lease.workspace_id, lease.service, 0)
        self._ended = threading.Event()
        self._access = threading.Lock()
        self.state = self._told(services.TRANSITIONING)

    def end(self) -> None:
        """Ask for the end; requests in flight are finished."""
        self._ended.set()

    def now(self) -> wire.ReplicaState:
        """The state, with what its process has counted."""
        load = load_of(self._folder / "counts") if self.state.state == services.HEALTHY else None
        return self.state._replace(load=load)

    def change(self, lease: ReplicaLease) -> None:
        """Take in what may change while the process runs: who may ask."""
        before, self.lease = self.lease, lease
        if before.settings != lease.settings and self._folder.is_dir():
            with contextlib.suppress(OSError):  # on the way in or out: the next start writes it
                self._write_access()

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
        self._stage()
        self._listening = self._ports.of(self.lease)
        pause_s = FIRST_PAUSE_S
        while not self._ended.is_set():
            began = time.monotonic()
            healthy = self._one_life(build.python, overlay)
            if self._ended.is_set() or not healthy:
                return
            ending = "The replica's process ended; it is started again. The end of its log:\n" + self._last_lines()
            self._tell(services.UNHEALTHY, ending)
            pause_s = FIRST_PAUSE_S if time.monotonic() - began > STEADY_S else min(2 * pause_s, LONGEST_PAUSE_S)
            self._ended.wait(pause_s)

    def _stage(self) -> None:
        """Bring the models and the entry script's folder (v1-behaviours 15.18)."""
        blobs = RemoteBlobs(self._parts.client.patient(PATIENCE_S), self.lease.workspace_id)
        for model in self.lease.models:
            self._parts.trees.stage(model.files, blobs.fetch, self._folder_of(model))
        if self.lease.source is not None:
            self._parts.trees.stage(self.lease.source, blobs.fetch, self._folder / "source")

    def _folder_of(self, model: ReplicaModel) -> Path:
        return inside(self._folder / MODELS, f"{model.name}/{model.version}")

    def _order(self, overlay: Path) -> ReplicaFile:
        assert self._listening is not None
        settings = self.lease.settings
        served = self.lease.models[0] if self.lease.entry_script is None else None
        return ReplicaFile(
            self._listening.fileno(),
            model_path=str(inside(self._folder_of(served), served.files.entries[0].path)) if served else "",
            source=str(self._folder / "source"),
            entry_script=self.lease.entry_script,
            overlay=str(overlay),
            scoring_timeout_ms=settings.scoring_timeout_ms,
            max_wait_ms=settings.max_wait_ms,
            max_concurrent=settings.max_concurrent,
            cors_origins=settings.cors_origins,
            batching=settings.batching,
            trained_with=None if settings.any_version else settings.trained_with,
            framework=served.framework if served else None,
            method=settings.method,
            trusted=settings.trusted,
            accelerate=settings.accelerate,
            sample_request=settings.sample_request,
            sample_answer=settings.sample_answer,
            capture=settings.capture._asdict() if settings.capture else None,
            captures=str(self._captures),
        )

    def _one_life(self, python: Path, overlay: Path) -> bool:
        """Start the process and stay with it; whether it ever answered."""
        assert self._listening is not None
        listening = self._listening
        output = self._folder / "replica.log"
        for name in ("state.json", "replica.log"):
            (self._folder / name).unlink(missing_ok=True)
        self._order(overlay).write(self._folder)
        self._write_access()
        variables = with_threads(conda.activated(job_environment(), python), self.lease.share)
        variables |= self.lease.settings.variables
        variables |= {"PYTHONPATH": str(self._parts.sdk), "PYTHONUNBUFFERED": "1"}
        models = self.lease.models
        variables["AZUREML_MODEL_DIR"] = str(self._folder_of(models[0]) if len(models) == 1 else self._folder / MODELS)
        if self.lease.entry_script is not None:
            variables["AZUREML_ENTRY_SCRIPT"] = self.lease.entry_script
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
            self._tell(services.FAILED, self._reason())
        return healthy

    def _reason(self) -> str:
        told = ReplicaState.read(self._folder)
        if told is not None and told.error:
            return told.error + (f"\n{told.traceback}" if told.traceback else "")
        return "The replica ended before it answered. The end of its log:\n" + self._last_lines()

    def _last_lines(self) -> str:
        try:
            lines = (self._folder / "replica.log").read_text(errors="replace").splitlines()
        except OSError:
            return "(there is none)"
        return "\n".join(lines[-40:])

    def _write_access(self) -> None:
        with self._access:
            AccessFile(self.lease.settings.key_hashes, self.lease.settings.token_secret).write(self._folder)

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
