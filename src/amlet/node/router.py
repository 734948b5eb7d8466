"""The routers of endpoints and of services on several nodes: a process each, kept alive on its port, told where the
versions answer.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

from amlet.base.errors import AmletError, StorageFailed
from amlet.base.paths import owner_only
from amlet.base.variables import job_environment
from amlet.domain import service as services
from amlet.domain.job import Share
from amlet.domain.service import RouterLease
from amlet.node.keeper import MARK_VARIABLE, TELL_S, TICK_S, replica_name
from amlet.node.parts import Parts
from amlet.node.ports import Ports
from amlet.node.replica_process import ReplicaProcess, Start
from amlet.runtime.scoring.files import ReplicaState
from amlet.runtime.scoring.router import RouterFile
from amlet.runtime.scoring.turns import Route, Routes
from amlet.wire import nodes as wire

SCRIPT = Path("amlet", "runtime", "scoring", "router.py")
PAUSE_S = 1.0

log = logging.getLogger("amlet.node")
_turns = itertools.count()


class RouterKeeper(threading.Thread):
    """Keeps a router alive until `end`."""

    def __init__(self, parts: Parts, lease: RouterLease, ports: Ports) -> None:
        super().__init__(name=f"router-{lease.service}", daemon=True)
        self.lease = lease
        """May be replaced, by one of the same revision, from any thread."""
        self._parts = parts
        self._ports = ports
        name = replica_name(lease.workspace_id, lease.service, 0)
        self._folder = parts.folder / "replicas" / f"router-{name}-{next(_turns)}"
        self._ended = threading.Event()
        self._listening: socket.socket | None = None
        self._routes: Routes | None = None
        """Those that the process was told last."""
        self._number = 0
        """Of the lease that requests go by."""
        self._turn = 0
        self.state = self._told(services.TRANSITIONING)

    def end(self) -> None:
        """Ask for the end; requests in flight are finished."""
        self._ended.set()

    def now(self) -> wire.ReplicaState:
        return self.state

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._hold()
            except AmletError as error:
                self._tell(services.UNHEALTHY, str(error))
            except OSError as error:
                self._tell(services.UNHEALTHY, str(StorageFailed.from_os_error(error, error.filename or self._folder)))
            self._ended.wait(PAUSE_S)
        if self._listening is not None:
            self._ports.leave(self._listening)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _hold(self) -> None:
        """One life of the process."""
        owner_only(self._folder)
        python = Path(sys.executable)
        overlay = self._parts.environments.overlay(python, lambda _: None)
        if self._listening is None:
            self._listening = self._ports.of(self.lease)
        listening = self._listening
        folder = self._folder / f"process-{self._turn}"
        self._turn += 1
        self._routes, self._number = None, 0

        def write(place: Path, name: str) -> None:
            beat = str(self._folder / f"{name}.json")
            RouterFile(listening.fileno(), str(overlay), beat, self.lease.is_endpoint).write(place)
            self._route(place)

        variables = job_environment() | {"PYTHONPATH": str(self._parts.sdk), MARK_VARIABLE: str(self._folder)}
        start = Start(
            folder=folder,
            counts=self._folder,
            python=python,
            script=self._parts.sdk / SCRIPT,
            write=write,
            variables=variables,
            share=Share(1, 0),
            holds_cores=False,
            listening_fd=listening.fileno(),
        )
        process = ReplicaProcess(start, "beat", self._log)
        try:
            while not process.has_ended:
                process.look()
                self._route(folder)
                if process.is_healthy and self.state != self._told(services.HEALTHY):
                    self._tell(services.HEALTHY)
                if self._ended.is_set():
                    process.leave()
                time.sleep(TICK_S)
            if not process.is_leaving:
                self._tell(services.UNHEALTHY, process.reason())
        finally:
            process.close()

    @property
    def _routed(self) -> int:
        """How many versions it hands requests to."""
        return len({route.version for route in self._routes.routes if route.percent > 0}) if self._routes else 0

    def _route(self, folder: Path) -> None:
        """Let the process know where the versions answer, when that has changed, and see whether it goes by that."""
        lease = self.lease
        found: list[Route] = []
        for share in lease.shares:
            places = [place for place in lease.places if place.version == share.version]
            found += [
                Route(share.version, place.port, share.percent, place.host, place.processes, lease.secret)
                for place in places
            ]
            port = self._ports.number(lease.workspace_id, lease.service, share.version) if lease.is_endpoint else None
            if port is not None and not places:
                found.append(Route(share.version, port, share.percent))
        routes = Routes(lease.number, found)
        if routes != self._routes:
            routes.write(folder)
            self._routes = routes
        if self._number != routes.number:
            told = ReplicaState.read(folder)
            self._number = told.facts.get("number", 0) if told is not None else 0

    def _log(self, data: bytes) -> None:
        log.info("router of %s: %s", self.lease.service, data.decode("utf-8", "replace").rstrip())

    def _told(self, state: str, error: str | None = None) -> wire.ReplicaState:
        lease = self.lease
        port = self._listening.getsockname()[1] if self._listening is not None else None
        routed = self._routed if state == services.HEALTHY else 0
        number = self._number if state == services.HEALTHY else 0
        key = (lease.workspace_id, lease.service, lease.revision, state, port, error)
        return wire.ReplicaState(*key, processes=routed, is_router=True, number=number)

    def _tell(self, state: str, error: str | None = None) -> None:
        self.state = self._told(state, error)
        asked = wire.SyncReplicas(self._parts.name, [self.state], -1, 0.0, told_ns=time.monotonic_ns())
        with contextlib.suppress(AmletError):
            self._parts.client.nodes.sync_replicas(asked, patience_s=TELL_S)
