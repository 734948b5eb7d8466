"""Requests and answers about environments."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from amlet.domain.environment import EnvironmentSpec


class EnvironmentQuery(NamedTuple):
    version: Optional[str] = None


class EnvironmentRecord(NamedTuple):
    """A registered or curated environment; its spec carries the version."""

    spec: EnvironmentSpec
    curated: bool


class Environments(NamedTuple):
    environments: List[EnvironmentRecord]
