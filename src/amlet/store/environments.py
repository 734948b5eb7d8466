"""Registered environments."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Connection, func, select

from amlet.base.errors import Conflict, InvalidInput
from amlet.domain.environment import EnvironmentSpec
from amlet.store.tables import environments


class Environments:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def versions(self, workspace_id: str, name: str) -> list[EnvironmentSpec]:
        query = select(environments.c.spec).where(
            environments.c.workspace_id == workspace_id, environments.c.name == name
        )
        return list(self._connection.execute(query.order_by(environments.c.seq)).scalars())

    def get(self, workspace_id: str, name: str, version: str | None) -> EnvironmentSpec | None:
        query = select(environments.c.spec).where(
            environments.c.workspace_id == workspace_id, environments.c.name == name
        )
        if version is not None:
            query = query.where(environments.c.version == version)
        found = self._connection.execute(query.order_by(environments.c.seq.desc()).limit(1)).scalar()
        return cast("EnvironmentSpec | None", found)

    def latest(self, workspace_id: str) -> list[EnvironmentSpec]:
        newest = (
            select(func.max(environments.c.seq))
            .where(environments.c.workspace_id == workspace_id)
            .group_by(environments.c.name)
        )
        found = self._connection.execute(select(environments.c.spec).where(environments.c.seq.in_(newest)))
        return sorted(found.scalars(), key=lambda spec: cast("str", spec.name))

    def add(self, workspace_id: str, spec: EnvironmentSpec, now: datetime) -> None:
        if spec.version is None:
            raise InvalidInput(f'Environment "{spec.name}" cannot be registered without a version.')
        if self.get(workspace_id, spec.name, spec.version) is not None:
            raise Conflict(f'There is a version {spec.version} of environment "{spec.name}" already.')
        self._connection.execute(
            environments.insert(),
            {
                "workspace_id": workspace_id,
                "name": spec.name,
                "version": spec.version,
                "spec": spec,
                "created": now,
            },
        )
