"""Locks: exact packages, and what each spec resolved to."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Connection, select

from amlet.domain.environment import Lock
from amlet.store.tables import locks, resolutions
from amlet.store.upserts import insert_new, put


class Locks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, lock_id: str) -> Lock | None:
        found = self._connection.execute(select(locks.c.lock).where(locks.c.id == lock_id)).scalar()
        return cast("Lock | None", found)

    def resolved(self, content_key: str, platform: str) -> Lock | None:
        row = self._connection.execute(
            select(locks.c.lock, resolutions.c.as_of, resolutions.c.notes)
            .join(locks, locks.c.id == resolutions.c.lock_id)
            .where(resolutions.c.content_key == content_key, resolutions.c.platform == platform)
        ).first()
        return cast("Lock", row[0])._replace(as_of=row[1], notes=row[2]) if row else None

    def add(self, lock: Lock, content_key: str) -> None:
        insert_new(self._connection, locks, [{"id": lock.id, "lock": lock}])
        put(
            self._connection,
            resolutions,
            [
                {
                    "content_key": content_key,
                    "platform": lock.platform,
                    "lock_id": lock.id,
                    "as_of": lock.as_of,
                    "notes": lock.notes,
                }
            ],
        )
