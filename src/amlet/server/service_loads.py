"""What services have answered, as their nodes told it last: for the pages and for scaling, and kept nowhere."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from amlet.domain.service import ReplicaLoad
from amlet.wire.nodes import SyncReplicas

Key = tuple[str, str, str]
"""The workspace's id, the service's name, the endpoint's version."""

FRESH = timedelta(seconds=20)
"""What a node told longer before another one did is no word of what waits there now."""


class Told(NamedTuple):
    revision: int
    load: ReplicaLoad
    when: datetime


class ServiceLoads:
    """Safe from any thread. A revision's counts begin with it: those of the latest are kept."""

    def __init__(self) -> None:
        self._told: dict[Key, dict[str, Told]] = {}
        self._lock = threading.Lock()

    def take_in(self, asked: SyncReplicas, now: datetime) -> None:
        """Note what a node tells of its replicas."""
        with self._lock:
            for one in asked.held:
                nodes = self._told.setdefault((one.workspace_id, one.service, one.version), {})
                known = nodes.get(asked.node)
                if one.load is not None and (known is None or one.revision >= known.revision):
                    nodes[asked.node] = Told(one.revision, one.load, now)

    def of(self, workspace_id: str, name: str, version: str, revision: int) -> Told | None:
        """The counts of a revision, summed over its nodes; None before any has told some."""
        with self._lock:
            held = list(self._told.get((workspace_id, name, version), {}).values())
        held = [told for told in held if told.revision == revision]
        if not held:
            return None
        newest = max(told.when for told in held)
        loads = [told.load if told.when >= newest - FRESH else _past(told.load) for told in held]
        return Told(revision, summed(loads), newest)


def summed(loads: Sequence[ReplicaLoad]) -> ReplicaLoad:
    """The loads of several nodes as one."""
    return ReplicaLoad(
        requests=sum(load.requests for load in loads),
        errors=sum(load.errors for load in loads),
        busy_s=round(sum(load.busy_s for load in loads), 3),
        waiting=sum(load.waiting for load in loads),
        working=sum(load.working for load in loads),
        latency=[sum(column) for column in zip(*(load.latency for load in loads if load.latency), strict=True)],
        batches=[sum(column) for column in zip(*(load.batches for load in loads if load.batches), strict=True)],
    )


def _past(load: ReplicaLoad) -> ReplicaLoad:
    return load._replace(waiting=0, working=0)
