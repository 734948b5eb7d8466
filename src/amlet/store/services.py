"""Services: what is deployed, and where it is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from amlet.domain.service import Service
from amlet.store.base import ServiceRecord
from amlet.store.tables import services
from amlet.store.upserts import put

_SERVICES = select(*(services.c[name] for name in (*Service._fields, "node", "port", "log")))


class Services:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, name: str) -> ServiceRecord | None:
        query = _SERVICES.where(services.c.workspace_id == workspace_id, services.c.name == name)
        row = self._connection.execute(query).first()
        return _record(row) if row else None

    def save(self, record: ServiceRecord) -> ServiceRecord:
        held = self.find(record.service.workspace_id, record.service.name)
        changes = (held or record).service.changes + 1
        saved = record._replace(service=record.service._replace(changes=changes))
        row = {**saved.service._asdict(), "node": saved.node, "port": saved.port, "log": saved.log}
        put(self._connection, services, [row])
        return saved

    def delete(self, workspace_id: str, name: str) -> None:
        self._connection.execute(
            services.delete().where(services.c.workspace_id == workspace_id, services.c.name == name)
        )

    def list(self, workspace_id: str | None = None) -> list[ServiceRecord]:
        query = _SERVICES if workspace_id is None else _SERVICES.where(services.c.workspace_id == workspace_id)
        found = [_record(row) for row in self._connection.execute(query)]
        return sorted(found, key=lambda record: (record.service.workspace_id, record.service.name))


def _record(row: Sequence[Any]) -> ServiceRecord:
    *service, node, port, log = row
    return ServiceRecord(Service._make(service), node, port, log)
