"""Requests to build an environment apart from runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from amlet.domain.environment import QUEUED, RUNNING, EnvironmentBuild
from amlet.store.tables import environment_builds
from amlet.store.upserts import put

_BUILDS = select(*(environment_builds.c[name] for name in (*EnvironmentBuild._fields, "log")))


class EnvironmentBuilds:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, build: EnvironmentBuild, log: int) -> None:
        put(self._connection, environment_builds, [{**build._asdict(), "log": log}])

    def find(self, workspace_id: str, build_id: str) -> tuple[EnvironmentBuild, int] | None:
        query = _BUILDS.where(environment_builds.c.workspace_id == workspace_id, environment_builds.c.id == build_id)
        row = self._connection.execute(query).first()
        return _record(row) if row else None

    def active(self) -> list[tuple[EnvironmentBuild, int]]:
        query = _BUILDS.where(environment_builds.c.status.in_((QUEUED, RUNNING)))
        return [_record(row) for row in self._connection.execute(query.order_by(environment_builds.c.requested))]


def _record(row: Sequence[Any]) -> tuple[EnvironmentBuild, int]:
    *build, log = row
    return EnvironmentBuild._make(build), log
