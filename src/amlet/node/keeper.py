"""Keepers: each holds the processes of one revision of a service, as many as are wanted."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import math
import os
import secrets
import shutil
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from amlet.artifacts.remote import RemoteBlobs
from amlet.base.errors import AmletError, ServiceFailed, StorageFailed
from amlet.base.paths import inside, owner_only
from amlet.base.variables import job_environment
from amlet.domain import service as services
from amlet.domain.deployment import Capture
from amlet.domain.replica_scaling import Look, Scaling
from amlet.domain.service import ReplicaLease, ReplicaModel
from amlet.environments import conda
from amlet.node.captures import note_keep
from amlet.node.left_over import note_service
from amlet.node.parts import Parts
from amlet.node.ports import Ports
from amlet.node.replica_process import ReplicaProcess, Start
from amlet.node.variables import with_threads
from amlet.runtime.scoring.access import AccessFile
from amlet.runtime.scoring.files import ReplicaFile
from amlet.runtime.scoring.metrics import load_of
from amlet.wire import nodes as wire
from amlet.wire.services import VersionQuery

SCRIPT = Path("amlet", "runtime", "scoring", "replica.py")
TICK_S = 0.05
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
LOOP_S = 60.0
LOOP_DEATHS = 3
"""So many deaths within `LOOP_S` are a crash loop: the service is unhealthy, even while a process answers."""

MODELS = "azureml-models"
"""Below it the models of a service lie by name and version (v1-behaviours 15.18)."""
MARK_VARIABLE = "AMLET_SERVICE_FOLDER"
"""By it a node finds the processes that its predecessor left."""
PATIENCE_S = 3600.0
"""A deployment is not given up because the server is away."""
TELL_S = 5.0

log = logging.getLogger("amlet.node")
_turns = itertools.count()
_LIFE = secrets.token_hex(4)
"""This process's alone among those that are the node by turns."""


class Keeper(threading.Thread):
    """Keeps one revision alive until `end`: starts what is missing, replaces what died or hangs, grows and shrinks."""

    def __init__(
        self, parts: Parts, lease: ReplicaLease, ports: Ports, take_over: Callable[[], None] | None = None
    ) -> None:
        """`take_over` is called once, when the revision answers and before that is told: those before it end."""
        super().__init__(name=f"replica-{lease.service}-{lease.revision}", daemon=True)
        self.lease = lease
        """May be replaced, by one of the same revision, from any thread."""
        self._parts = parts
        self._ports = ports
        self._take_over = take_over
        name = replica_name(lease.workspace_id, lease.service, lease.revision, lease.version)
        # One of the same name may still be on its way out, when a service was deleted and made anew; or was left by
        # a node that was killed, and answers on.
        self._folder = parts.folder / "replicas" / f"{name}-{_LIFE}-{next(_turns)}"
        # Kept when the service goes, and the same for all its revisions.
        captured = replica_name(lease.workspace_id, lease.service, 0, lease.version)
        self._captures = parts.folder / "captures" / captured
        self._ended = threading.Event()
        self._listening: socket.socket | None = None
        self._processes: list[ReplicaProcess] = []
        self._begun = 0
        self._scaling = Scaling(lease.settings.max_concurrent or 1)
        self._scaled_s = 0.0
        self._wanted = lease.processes
        self._access: AccessFile | None = None
        self._was_whole = False
        """As many as wanted have answered once."""
        self._has_answered = False
        self._deaths: deque[float] = deque()
        self._next_start_s = 0.0
        self._error: str | None = None
        self.state = self._told(services.TRANSITIONING)

    def end(self) -> None:
        """Ask for the end; requests in flight are finished."""
        self._ended.set()

    def now(self) -> wire.ReplicaState:
        """The state, with what its processes have counted."""
        load = load_of(self._folder / "counts") if self._has_answered else None
        return self.state._replace(load=load)

    def run(self) -> None:
        tries = 0
        while not self._ended.is_set():
            why = self._attempt()
            if why is None:
                break
            if not (self.lease.is_proven or self._has_answered):
                self._tell(services.FAILED, why)
                break
            # It has answered before: what is in its way now may go - a full disk, a port that another program has.
            self._tell(services.UNHEALTHY, why)
            self._ended.wait(min(FIRST_PAUSE_S * 2**tries, LONGEST_PAUSE_S))
            tries += 1

    def _attempt(self) -> str | None:
        """Prepare all and keep the processes; why that is not possible, or None at the end that was asked for."""
        try:
            self._keep(self._prepared())
        except AmletError as error:
            return str(error)
        except OSError as error:
            return str(StorageFailed.from_os_error(error, error.filename or self._folder))
        except Exception as error:
            log.exception("the replicas of %s could not be kept", self.lease.service)
            return f"The node could not keep the replicas: {type(error).__name__}: {error}"
        finally:
            self._end_processes()
            if self._listening is not None:
                self._ports.leave(self._listening)
                self._listening = None
            shutil.rmtree(self._folder, ignore_errors=True)
        return None

    def _prepared(self) -> Start:
        shutil.rmtree(self._folder, ignore_errors=True)
        lines: list[str] = []
        lease, environments = self.lease, self._parts.environments
        build = environments.build(lease.lock, lines.append)
        overlay = environments.overlay(build.python, lines.append)
        owner_only(self._folder)
        note_service(self._folder, lease)
        counts = owner_only(self._folder / "counts")
        self._stage()
        if lease.settings.capture is not None:
            note_keep(self._captures, lease.settings.capture)
        self._listening = self._ports.of(lease)
        order = self._order(overlay, self._listening.fileno())

        def write(place: Path, name: str) -> None:
            order._replace(name=name, counts=os.path.relpath(counts, place)).write(place)
            self._access_now().write(place)

        return Start(
            folder=self._folder / "process",
            counts=counts,
            python=build.python,
            script=self._parts.sdk / SCRIPT,
            write=write,
            variables=self._variables(build.python),
            share=lease.share,
            holds_cores=lease.holds_cores,
            listening_fd=self._listening.fileno(),
        )

    def _stage(self) -> None:
        """Bring the models and the entry script's folder (v1-behaviours 15.18)."""
        blobs = RemoteBlobs(self._parts.client.patient(PATIENCE_S), self.lease.workspace_id)
        for model in self.lease.models:
            self._parts.trees.stage(model.files, blobs.fetch, self._folder_of(model))
        if self.lease.source is not None:
            self._parts.trees.stage(self.lease.source, blobs.fetch, self._folder / "source")

    def _folder_of(self, model: ReplicaModel) -> Path:
        return inside(self._folder / MODELS, f"{model.name}/{model.version}")

    def _order(self, overlay: Path, listening_fd: int) -> ReplicaFile:
        settings = self.lease.settings
        served = self.lease.models[0] if self.lease.entry_script is None else None
        return ReplicaFile(
            listening_fd,
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
            capture=_captured(settings.capture) if settings.capture else None,
            captures=str(self._captures),
        )

    def _variables(self, python: Path) -> dict[str, str]:
        lease = self.lease
        found = with_threads(conda.activated(job_environment(), python), lease.share)
        found |= lease.settings.variables
        found |= {"PYTHONPATH": str(self._parts.sdk), "PYTHONUNBUFFERED": "1", MARK_VARIABLE: str(self._folder)}
        models = lease.models
        found["AZUREML_MODEL_DIR"] = str(self._folder_of(models[0]) if len(models) == 1 else self._folder / MODELS)
        if lease.entry_script is not None:  # v1-behaviours 15.15
            source = str(self._folder / "source")
            found |= {"AZUREML_ENTRY_SCRIPT": lease.entry_script, "AML_APP_ROOT": source}
            found["AZUREML_SOURCE_DIRECTORY"] = source
        return found

    def _keep(self, start: Start) -> None:
        """Hold as many processes as wanted until the end is asked for.

        Raises:
            ServiceFailed: the first one ended before it answered.
        """
        self._access = self._access_now()
        self._next_start_s = 0.0
        while not self._ended.is_set():
            self._scale()
            self._start_missing(start)
            for process in list(self._processes):
                process.look()
                if process.has_ended:
                    self._processes.remove(process)
                    self._bury(process)
            self._take_in_access()
            self._judge()
            self._ended.wait(TICK_S)

    def _scale(self) -> None:
        scale = self.lease.autoscale
        if scale is None:
            self._wanted = self.lease.processes
            return
        now_s = time.monotonic()
        if now_s - self._scaled_s < scale.refresh_s:
            return
        self._scaled_s = now_s
        able = [process for process in self._processes if process.is_healthy and not process.is_leaving]
        told = [process.counts() for process in able]
        look = Look(
            now_s,
            len(able),
            math.fsum(one.get("busy_s", 0.0) for one in told),
            sum(one.get("working", 0) for one in told),
            sum(one.get("waiting", 0) for one in told),
        )
        self._wanted = self._scaling.decide(scale, look)

    def _start_missing(self, start: Start) -> None:
        staying = [process for process in self._processes if not process.is_leaving]
        for process in staying[self._wanted :]:
            process.leave()
        if len(staying) >= self._wanted or time.monotonic() < self._next_start_s:
            return
        if staying and not self._has_answered:
            return  # the first one shows whether it can be done at all
        name = str(self._begun)
        self._begun += 1
        one = start._replace(folder=self._folder / f"process-{name}")
        try:
            self._processes.append(ReplicaProcess(one, name, self._send_log))
        except (AmletError, OSError) as error:
            if not self._has_answered:
                raise
            self._note_death(f"Another replica could not be started: {error}")  # those that answer go on

    def _bury(self, process: ReplicaProcess) -> None:
        reason = process.reason()
        process.close()
        if process.is_leaving:
            return
        if not self._has_answered and not process.is_healthy:
            raise ServiceFailed(reason)
        self._note_death(reason)

    def _note_death(self, reason: str) -> None:
        """Let some time pass before the next start, the more the oftener it happens."""
        self._error = reason
        log.info("a replica of %s ended: %s", self.lease.service, reason.partition("\n")[0])
        now_s = time.monotonic()
        self._deaths.append(now_s)
        self._forget_deaths(now_s)
        self._next_start_s = now_s + min(FIRST_PAUSE_S * 2 ** (len(self._deaths) - 1), LONGEST_PAUSE_S)

    def _forget_deaths(self, now_s: float) -> None:
        while self._deaths and self._deaths[0] < now_s - LOOP_S:
            self._deaths.popleft()

    def _take_in_access(self) -> None:
        access = self._access_now()
        if access != self._access:
            self._access = access
            for process in self._processes:
                process.change_access(access)

    def _access_now(self) -> AccessFile:
        settings = self.lease.settings
        answering = sum(process.is_healthy and not process.is_leaving for process in self._processes)
        return AccessFile(settings.key_hashes, settings.token_secret, max(answering, 1), settings.router_hash)

    def _judge(self) -> None:
        """Tell how it is, when that has changed."""
        answering = sum(process.is_healthy and not process.is_leaving for process in self._processes)
        self._has_answered = self._has_answered or answering > 0
        self._was_whole = self._was_whole or answering >= self.lease.processes
        self._forget_deaths(time.monotonic())
        error = None
        if not self._was_whole and not self._deaths:
            state = services.TRANSITIONING
        elif not answering or len(self._deaths) >= LOOP_DEATHS or not self._was_whole:
            state, error = services.UNHEALTHY, self._error
            if self.lease.host is None and self._was_whole and len(self._deaths) < LOOP_DEATHS:
                state = services.TRANSITIONING  # other nodes may answer meanwhile
        else:
            state = services.HEALTHY
            if self._take_over is not None:
                self._take_over()
                self._take_over = None
        if (state, error, answering) != (self.state.state, self.state.error, self.state.processes):
            self._tell(state, error, answering)

    def _end_processes(self) -> None:
        for process in self._processes:
            process.leave()
        while self._processes:
            for process in list(self._processes):
                process.look()
                if process.has_ended:
                    self._processes.remove(process)
                    process.close()
            time.sleep(TICK_S / 5)

    def _told(self, state: str, error: str | None = None, processes: int = 0) -> wire.ReplicaState:
        host, port = self._listening.getsockname()[:2] if self._listening is not None else (None, None)
        lease = self.lease
        return wire.ReplicaState(
            lease.workspace_id,
            lease.service,
            lease.revision,
            state,
            port,
            error,
            version=lease.version,
            processes=processes,
            host=host if lease.host is None else None,
        )

    def _tell(self, state: str, error: str | None = None, processes: int = 0) -> None:
        """Note the state and tell the server at once; the next exchange tells it again if this one is lost."""
        self.state = self._told(state, error, processes)
        asked = wire.SyncReplicas(self._parts.name, [self.state], -1, 0.0, told_ns=time.monotonic_ns())
        with contextlib.suppress(AmletError):
            self._parts.client.nodes.sync_replicas(asked, patience_s=TELL_S)

    def _send_log(self, data: bytes) -> None:
        lease = self.lease
        with contextlib.suppress(AmletError):
            self._parts.client.nodes.append_service_log(
                lease.workspace_id, lease.service, data, len(data), VersionQuery(lease.version)
            )


def _captured(capture: Capture) -> dict[str, object]:
    """What a process is to capture; how long it is kept is the node's own."""
    return {"inputs": capture.inputs, "predictions": capture.predictions, "share": capture.share}


def replica_name(workspace_id: str, service: str, revision: int, version: str = "") -> str:
    """The name of a revision's folder: of fixed length and alphabet, whatever the service is called."""
    text = f"{workspace_id}/{service}/{version}/{revision}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]
