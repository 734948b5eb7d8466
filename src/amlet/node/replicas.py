"""Replicas: compare the revisions wanted on this node with those held, and let keepers bring it about."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial

from amlet.base.errors import AmletError, NotFound, Unavailable
from amlet.domain.service import ReplicaLease, RouterLease
from amlet.node.address import address_towards
from amlet.node.captures import Captures
from amlet.node.keeper import MARK_VARIABLE, Keeper
from amlet.node.left_over import LeftOver, ServiceKey
from amlet.node.parts import Parts
from amlet.node.ports import Ports
from amlet.node.replica_process import DRAIN_S
from amlet.node.router import RouterKeeper
from amlet.wire import nodes as wire

SYNC_WAIT_S = 10.0
ENDING_WAIT_S = 0.3
"""While processes end whose end the server waits for."""
FRESH_S = 0.05
"""A report that no answer came to is soon told anew rather than sent again: a server that is back after a restart
would take what was so before its end for what is so now.
"""

ROUTES_S = 0.3
"""After so long a router has taken in that a version has gone."""

HAND_OVER_S = 5.0
"""A revision that answers is told to after so long, also when calls of the one before it go on."""

Key = tuple[str, str, str, int]
"""A revision: its workspace's id, the service's name, the endpoint's version, its number."""

log = logging.getLogger("amlet.node")


class Replicas(threading.Thread):
    """Asks the server again and again, whenever what is wanted or what is held changes."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(name="replicas", daemon=True)
        self._parts = parts
        self._folder = parts.folder / "replicas"
        self._held: dict[Key, Keeper] = {}
        self._routers: dict[Key, RouterKeeper] = {}
        self._leaving: list[Keeper | RouterKeeper] = []
        self._ports = Ports(lambda: address_towards(parts.client.url))
        self._left_over = LeftOver(parts, self._ports, MARK_VARIABLE)
        self._closed = threading.Event()

    def run(self) -> None:
        self._left_over.find()
        Captures(self._parts.folder / "captures", self._closed).start()
        known = -1
        while not self._closed.is_set():
            now_ns = time.monotonic_ns()
            held = [keeper.now() for keeper in self._held.values()]
            held += [router.now() for router in self._routers.values()]
            ending = [keeper.now() for keeper in self._placed_and_leaving()]
            wait_s = ENDING_WAIT_S if ending else SYNC_WAIT_S
            wait_s = min([wait_s, *(keeper.lease.report_s or wait_s for keeper in self._held.values())])
            asked = wire.SyncReplicas(self._parts.name, held, known, wait_s, ending, is_whole=True, told_ns=now_ns)
            try:
                answer = self._parts.client.nodes.sync_replicas(asked, patience_s=FRESH_S)
            except (Unavailable, NotFound):
                self._closed.wait(0.5)
                continue
            except AmletError as error:
                log.error("replicas: %s", error)
                self._closed.wait(1.0)
                continue
            known = answer.number
            self._bring_about(answer.wanted, answer.routers)

    def close(self) -> None:
        """End every replica and wait for it."""
        self._closed.set()
        ending = threading.Thread(target=self._left_over.close, name="left-over", daemon=True)
        ending.start()
        for key in list(self._routers):
            self._drop(self._routers.pop(key))
        for key in list(self._held):
            self._drop(self._held.pop(key))
        deadline = time.monotonic() + DRAIN_S + 5
        for keeper in self._leaving:
            keeper.join(max(0.0, deadline - time.monotonic()))
        ending.join(max(0.0, deadline - time.monotonic()))

    def _placed_and_leaving(self) -> list[Keeper]:
        self._leaving = [one for one in self._leaving if one.is_alive()]
        return [one for one in self._leaving if isinstance(one, Keeper) and one.lease.host is None]

    @property
    def are_left_over(self) -> bool:
        """Whether a node that was killed may have left some."""
        return any(self._folder.glob("*/"))

    def _bring_about(self, wanted: list[ReplicaLease], routers: list[RouterLease]) -> None:
        self._left_over.settle(wanted)
        named = {(one.workspace_id, one.service, one.version, one.revision): one for one in wanted}
        for key, lease in named.items():
            held = self._held.get(key)
            if held is not None and _same_processes(held.lease, lease):
                held.lease = lease
            else:
                if held is not None:  # deleted and made anew before this node had heard of its end
                    self._drop(held)
                # Another revision of the service goes on meanwhile: both accept on one socket, until this one answers.
                # Behind a router on another machine it has its own, and goes on until the server ends it.
                take_over = partial(self._take_over, key) if lease.host is not None else None
                keeper = Keeper(self._parts, lease, self._ports, take_over)
                keeper.start()
                self._held[key] = keeper
        # Routers first: a version that goes must have lost its share by then.
        routed = {(one.workspace_id, one.service, "", one.revision): one for one in routers}
        for key, router in routed.items():
            if key in self._routers:
                self._routers[key].lease = router
            else:
                self._routers[key] = RouterKeeper(self._parts, router, self._ports)
                self._routers[key].start()
        for key in [key for key in self._routers if key not in routed]:
            self._drop(self._routers.pop(key))
        unwanted = [key for key in self._held if key not in named]
        if any(version for _, _, version, _ in unwanted):
            self._closed.wait(ROUTES_S)
        for key in unwanted:
            self._drop(self._held.pop(key))

    def _take_over(self, key: Key) -> None:
        """End the revisions before one that answers, so that who hears of it gets no answer of another's. The server
        wants them no more as soon as it is told.
        """
        earlier = [keeper for other, keeper in list(self._held.items()) if other[:3] == key[:3] and other[3] < key[3]]
        for keeper in earlier:
            keeper.end()
        ending = threading.Thread(target=self._left_over.end, args=(ServiceKey(*key[:3]),), daemon=True)
        ending.start()
        until_s = time.monotonic() + HAND_OVER_S
        for one in (*earlier, ending):
            one.join(max(0.0, until_s - time.monotonic()))

    def _drop(self, keeper: Keeper | RouterKeeper) -> None:
        """Let it end by itself, in its own time."""
        keeper.end()
        self._leaving = [one for one in self._leaving if one.is_alive()] + [keeper]


def _same_processes(before: ReplicaLease, after: ReplicaLease) -> bool:
    """Whether running processes go on by another lease: it differs in what they take in, or in how many they are."""

    def fixed(lease: ReplicaLease) -> ReplicaLease:
        settings = lease.settings._replace(key_hashes=None, token_secret=None, router_hash=None)
        return lease._replace(settings=settings, processes=1, autoscale=None, report_s=None, port=None, is_proven=False)

    return fixed(before) == fixed(after)
