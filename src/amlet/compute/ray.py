"""The engine of a cluster of Ray's: every node is a named detached actor that starts our worker.

The actor holds the resource `amlet_<target>`, so that Ray's autoscaler brings a machine that has it, and takes it away
when the actor has ended. All calls go through a child process, from a thread of this engine's own: what the methods
answer is what it saw last.
"""

from __future__ import annotations

import contextlib
import json
import logging
import platform
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from amlet.base.errors import AmletError
from amlet.base.paths import owner_only
from amlet.compute.bundle import Parcel
from amlet.compute.ray_process import RayLost, RayProcess
from amlet.domain.compute import Node
from amlet.runtime.attempt import write_json

LOOK_S = 1.0
CALL_S = 15.0
CONNECT_S = 60.0
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Between two lives of the child."""

RESTS_S = (2.0, 5.0, 15.0, 60.0)
"""Before a node that could not start is tried again."""

log = logging.getLogger("amlet.server")


class Rest(NamedTuple):
    """A node that could not start."""

    times: int
    until_s: float
    why: str


class RayEngine:
    """Starts and ends actors. Its nodes are found again by name, also by the next server of this home."""

    def __init__(
        self,
        address: str,
        identity: str,
        folder: Path,
        variables: Callable[[Node], Mapping[str, str]],
        parcels: Callable[[], tuple[Parcel, Parcel]],
        least: Callable[[], Mapping[str, int]],
    ) -> None:
        """Nothing is connected before there is something to do.

        Args:
            address: HOST:PORT of the cluster's head. This machine must be in the cluster.
            identity: Tells this server's nodes from those of others in the same cluster.
            folder: For the child's log and what was seen last.
            variables: Those that tell a node its server, name and token.
            parcels: The sources and the uv program, which the server gives to whoever bears a node's token.
            least: How many nodes every pool keeps.
        """
        self._address = address
        self._identity = identity
        self._folder = folder
        self._variables = variables
        self._parcels = parcels
        self._least = least
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen = self._remembered()
        self._to_start: dict[str, Node] = {}
        self._to_stop: set[str] = set()
        self._rests: dict[str, Rest] = {}
        self._pools: dict[str, str] = {}
        self._look: dict[str, Any] = {}
        self._lost: str | None = None
        self._grace_s: float | None = None

    def names(self) -> set[str]:
        if self._thread is None and (self._seen or self._least()):
            self._begin()
        with self._lock:
            return self._seen | set(self._to_start)

    def start(self, node: Node) -> None:
        with self._lock:
            self._pools[node.name] = node.pool
            rest = self._rests.get(node.name)
            if node.name in self._seen or (rest is not None and time.monotonic() < rest.until_s):
                return
            self._to_start[node.name] = node
        self._begin()

    def stop(self, name: str) -> None:
        with self._lock:
            self._to_start.pop(name, None)
            if name not in self._seen:
                return
            self._to_stop.add(name)
        self._begin()

    def close(self, *, grace_s: float) -> None:
        if self._thread is None:
            return
        self._grace_s = grace_s
        self._wake.set()
        self._thread.join(grace_s + CALL_S)

    def troubles(self) -> dict[str, str]:
        with self._lock:
            found = {name: f"it could not start on Ray: {rest.why}" for name, rest in self._rests.items()}
            for name in self._look.get("waiting", ()):
                why = self._why_it_waits(resource_of(self._pools.get(name, "")))
                if why is not None:
                    found[name] = why
            if self._lost is not None:
                lost = f"Ray at {self._address} does not answer: {self._lost}"
                found.update(dict.fromkeys(self._seen.union(self._to_start), lost))
            return found

    def _why_it_waits(self, resource: str) -> str | None:
        machines = int(self._look["total"].get(resource, 0))
        if not machines:
            return f"Ray has no machine with the resource {resource} now; its autoscaler brings one if it can"
        ours = sum(resource_of(self._pools.get(name, "")) == resource for name in self._look["names"])
        if ours > machines:
            return f"Ray's machines with the resource {resource}, {machines} of them, have a node each"
        return None

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ray", daemon=True)
            self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        lives = 0
        while self._grace_s is None:
            process = None
            began = time.monotonic()
            try:
                process = RayProcess(self._folder)
                process.call("connect", CONNECT_S, address=self._address, prefix=f"{self._identity}/")
                log.info("connected to Ray at %s", self._address)
                self._serve(process)
            except (RayLost, OSError, AmletError) as error:
                log.warning("Ray at %s is lost: %s", self._address, error)
                with self._lock:
                    self._lost = str(error)
            except Exception as error:
                log.exception("Ray at %s is lost", self._address)
                with self._lock:
                    self._lost = f"{type(error).__name__}: {error}"
            finally:
                if process is not None:
                    process.close()
            lives = 1 if time.monotonic() - began > CONNECT_S else lives + 1
            pause_until = time.monotonic() + PAUSES_S[min(lives, len(PAUSES_S)) - 1]
            while self._grace_s is None and (left_s := pause_until - time.monotonic()) > 0:
                self._wake.wait(left_s)
                self._wake.clear()
        if self._seen:
            log.warning("%d nodes on Ray end by themselves, once they find no server", len(self._seen))

    def _serve(self, process: RayProcess) -> None:
        held: Mapping[str, int] = {}
        while self._grace_s is None:
            self._wake.clear()
            least = self._least()
            if least != held:
                process.call("hold", CALL_S, bundles=_bundles(least))
                held = least
            with self._lock:
                start, stop = list(self._to_start.values()), sorted(self._to_stop)
            for name in stop:
                process.call("stop", CALL_S, name=name)
                with self._lock:
                    self._to_stop.discard(name)
            for node in start:
                with self._lock:
                    is_wanted = node.name in self._to_start
                if is_wanted:
                    process.call("start", CALL_S, **self._asked(node))
            self._take_up(process.call("look", CALL_S))
            self._wake.wait(LOOK_S)
        process.call("end", self._grace_s + CALL_S, grace_s=self._grace_s)
        self._take_up(process.call("look", CALL_S))

    def _take_up(self, look: dict[str, Any]) -> None:
        now = time.monotonic()
        with self._lock:
            self._lost = None
            self._look = look
            seen = set(look["names"]) - set(look["failed"])
            for name, why in look["failed"].items():
                times = self._rests[name].times + 1 if name in self._rests else 1
                self._rests[name] = Rest(times, now + RESTS_S[min(times, len(RESTS_S)) - 1], why)
                log.warning("node %s could not start on Ray: %s", name, why)
            for name in seen.difference(look["waiting"]):
                self._rests.pop(name, None)
            for name in seen.union(look["failed"]):
                self._to_start.pop(name, None)
            changed = seen != self._seen
            self._seen = seen
        if changed:
            with contextlib.suppress(OSError):
                write_json(owner_only(self._folder) / "nodes.json", sorted(seen))

    def _remembered(self) -> set[str]:
        """What the server before this one saw: until Ray has been asked that is the best we know."""
        with contextlib.suppress(OSError, ValueError):
            return set(json.loads((self._folder / "nodes.json").read_text()))
        return set()

    def _asked(self, node: Node) -> dict[str, Any]:
        bundle, uv = self._parcels()
        return {
            "name": node.name,
            "resources": {resource_of(node.pool): 1},
            "gpus": node.share.gpus,
            "asked": {
                "variables": dict(self._variables(node)),
                "server": self._identity,
                "bundle": bundle.digest,
                "uv": uv.digest,
                "system": f"{sys.platform} {platform.machine()}",
                "cores": node.share.cores,
                "memory_bytes": node.share.memory_bytes,
            },
        }


def resource_of(pool: str) -> str:
    """The resource that a machine of a target must have: `amlet_<target>`."""
    return "amlet_" + pool.rpartition("/")[2]


def _bundles(least: Mapping[str, int]) -> list[dict[str, int]]:
    return [{resource_of(pool): 1} for pool, count in sorted(least.items()) for _ in range(count)]
