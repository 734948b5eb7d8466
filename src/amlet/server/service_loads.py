"""What services have answered, as their nodes told it last: for the pages, and kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from amlet.domain.service import ReplicaLoad
from amlet.wire.nodes import ReplicaState

Key = tuple[str, str, str]
"""The workspace's id, the service's name, the endpoint's version."""


class Told(NamedTuple):
    revision: int
    load: ReplicaLoad
    when: datetime


class ServiceLoads:
    """Safe from any thread. A revision's counts begin with it: those of the latest are kept."""

    def __init__(self) -> None:
        self._told: dict[Key, Told] = {}

    def take_in(self, held: Iterable[ReplicaState], now: datetime) -> None:
        """Note what a node tells of its replicas."""
        for one in held:
            key = (one.workspace_id, one.service, one.version)
            known = self._told.get(key)
            if one.load is not None and (known is None or one.revision >= known.revision):
                self._told[key] = Told(one.revision, one.load, now)

    def of(self, workspace_id: str, name: str, version: str, revision: int) -> Told | None:
        """The counts of a revision; None before its node has told any."""
        found = self._told.get((workspace_id, name, version))
        return found if found is not None and found.revision == revision else None
