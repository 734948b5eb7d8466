"""Requests and answers about environments."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from amlet.domain.environment import EnvironmentBuild, EnvironmentSpec, Lock


class EnvironmentQuery(NamedTuple):
    version: Optional[str] = None


class EnvironmentRecord(NamedTuple):
    """A registered or curated environment; its spec carries the version."""

    spec: EnvironmentSpec
    curated: bool
    lock_id: Optional[str] = None
    """What it resolved to on the server's platform; None when nobody asked yet."""


class Environments(NamedTuple):
    environments: List[EnvironmentRecord]


class BuildEnvironment(NamedTuple):
    """Resolve and build an environment; it need not be registered."""

    spec: EnvironmentSpec
    anew: bool = False
    """Resolve again: newer packages may fit (v1-behaviours 10.14)."""
    offline: bool = False
    """Take what the cache has, and ask no index."""


class BuildQuery(NamedTuple):
    offset: int = 0
    """Where the log goes on, in bytes."""
    wait_s: float = 0.0
    """Answer at once when there is more log, or when the build is over; else after this long."""


class BuildState(NamedTuple):
    build: EnvironmentBuild
    log: str
    """Whole characters from the offset on."""
    next_offset: int
    lock: Optional[Lock]
    """Once it succeeded."""
