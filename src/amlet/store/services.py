"""Services: what is deployed, and where it is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from amlet.domain.service import Service
from amlet.store.base import ServiceRecord
from amlet.store.tables import service_sources, services
from amlet.store.upserts import put

_OF_RECORD = tuple(name for name in ServiceRecord._fields if name != "service")
_SERVICES = select(*(services.c[name] for name in (*Service._fields, *_OF_RECORD)))

_OF_POOL = _SERVICES.where(services.c.pool == bindparam("its_pool"))


class Services:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, name: str, version: str = "") -> ServiceRecord | None:
        query = _SERVICES.where(
            services.c.workspace_id == workspace_id, services.c.name == name, services.c.version == version
        )
        row = self._connection.execute(query).first()
        return _record(row) if row else None

    def save(self, record: ServiceRecord) -> ServiceRecord:
        service = record.service
        held = self.find(service.workspace_id, service.name, service.version)
        saved = record._replace(service=service._replace(changes=(held or record).service.changes + 1))
        row = saved._asdict()
        row.update(row.pop("service")._asdict())
        put(self._connection, services, [row])
        if held is None or _sources(held) != _sources(saved):
            self._forget_sources(service.workspace_id, service.name, service.version)
            key = {"workspace_id": service.workspace_id, "name": service.name, "version": service.version}
            put(self._connection, service_sources, [{**key, "tree_id": tree_id} for tree_id in sorted(_sources(saved))])
        return saved

    def delete(self, workspace_id: str, name: str, version: str = "") -> None:
        self._forget_sources(workspace_id, name, version)
        self._connection.execute(
            services.delete().where(
                services.c.workspace_id == workspace_id, services.c.name == name, services.c.version == version
            )
        )

    def list(self, workspace_id: str | None = None) -> list[ServiceRecord]:
        query = _SERVICES if workspace_id is None else _SERVICES.where(services.c.workspace_id == workspace_id)
        found = [_record(row) for row in self._connection.execute(query)]
        return sorted(found, key=lambda held: (held.service.workspace_id, held.service.name, held.service.version))

    def of_pool(self, pool: str) -> Sequence[ServiceRecord]:
        found = [_record(row) for row in self._connection.execute(_OF_POOL, {"its_pool": pool})]
        return sorted(found, key=lambda held: (held.service.created, held.service.name, held.service.version))

    def _forget_sources(self, workspace_id: str, name: str, version: str) -> None:
        held = service_sources.c
        self._connection.execute(
            service_sources.delete().where(
                held.workspace_id == workspace_id, held.name == name, held.version == version
            )
        )


def _sources(record: ServiceRecord) -> set[str]:
    found = {record.service.deployment.source_id}
    if record.earlier is not None:
        found.add(record.earlier.deployment.source_id)
    return found - {""}


def _record(row: Sequence[Any]) -> ServiceRecord:
    count = len(Service._fields)
    return ServiceRecord(Service._make(row[:count]), *row[count:])
