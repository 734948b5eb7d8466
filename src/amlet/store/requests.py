"""What requests made, by the client's own id."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from amlet.store.tables import requests
from amlet.store.upserts import insert_new

KEPT = timedelta(days=7)
"""No client tries the same request again for so long."""


class Requests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, workspace_id: str, request_id: str) -> str | None:
        query = select(requests.c.made).where(
            requests.c.workspace_id == workspace_id, requests.c.request_id == request_id
        )
        return self._connection.execute(query).scalar()

    def add(self, workspace_id: str, request_id: str, made: str, now: datetime) -> None:
        if not request_id:
            return
        self._connection.execute(requests.delete().where(requests.c.created < now - KEPT))
        row = {"workspace_id": workspace_id, "request_id": request_id, "made": made, "created": now}
        insert_new(self._connection, requests, [row])
