"""Replicas: compare the revisions wanted on this node with those held, and let keepers bring it about."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time

from amlet.base.errors import AmletError, NotFound, Unavailable
from amlet.domain.service import ReplicaLease
from amlet.node.keeper import MARK_VARIABLE, Keeper
from amlet.node.parts import Parts
from amlet.node.ports import Ports
from amlet.node.replica_process import DRAIN_S
from amlet.runtime.marked import end_marked
from amlet.wire import nodes as wire

SYNC_WAIT_S = 10.0

Key = tuple[str, str, str, int]
"""A revision: its workspace's id, the service's name, the endpoint's version, its number."""

log = logging.getLogger("amlet.node")


class Replicas(threading.Thread):
    """Asks the server again and again, whenever what is wanted or what is held changes."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(name="replicas", daemon=True)
        self._parts = parts
        self._held: dict[Key, Keeper] = {}
        self._leaving: list[Keeper] = []
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
        for key in list(self._held):
            self._drop(key)
        deadline = time.monotonic() + DRAIN_S + 5
        for keeper in self._leaving:
            keeper.join(max(0.0, deadline - time.monotonic()))

    def _end_left_over(self) -> None:
        """End the replicas of a node that was killed: they listen on ports that are wanted again, or by nobody."""
        folder = self._parts.folder / "replicas"
        below = str(folder) + os.sep
        end_marked(
            str(self._parts.home),
            lambda found: found.variables.get(MARK_VARIABLE, "").startswith(below),
            grace_s=DRAIN_S,
        )
        shutil.rmtree(folder, ignore_errors=True)

    def _bring_about(self, wanted: list[ReplicaLease]) -> None:
        named = {(one.workspace_id, one.service, one.version, one.revision): one for one in wanted}
        for key, lease in named.items():
            if key in self._held:
                self._held[key].lease = lease
            else:
                # Another revision of the service goes on meanwhile: both accept on one socket, until the server has
                # been told that this one answers, and wants the other no more.
                self._held[key] = Keeper(self._parts, lease, self._ports)
                self._held[key].start()
        for key in [key for key in self._held if key not in named]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        """Let a revision end by itself, in its own time."""
        keeper = self._held.pop(key)
        keeper.end()
        self._leaving = [one for one in self._leaving if one.is_alive()] + [keeper]
