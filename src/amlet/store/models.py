"""Models: registered versions."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from amlet.base.errors import Conflict
from amlet.domain.model import Model
from amlet.store.base import ModelFilter
from amlet.store.tables import models
from amlet.store.upserts import count_at_least, next_number

_MODELS = select(*(models.c[name] for name in Model._fields))


class Models:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_version(self, workspace_id: str, name: str) -> int:
        return next_number(self._connection, _counter(workspace_id, name))

    def find(self, workspace_id: str, name: str, version: int | None) -> Model | None:
        query = _MODELS.where(models.c.workspace_id == workspace_id, models.c.name == name)
        if version is not None:
            query = query.where(models.c.version == version)
        row = self._connection.execute(query.order_by(models.c.version.desc()).limit(1)).first()
        return Model._make(row) if row else None

    def add(self, model: Model) -> None:
        if self.find(model.workspace_id, model.name, model.version):
            raise Conflict(f'There is a version {model.version} of model "{model.name}" already.')
        self._connection.execute(models.insert(), model._asdict())
        count_at_least(self._connection, _counter(model.workspace_id, model.name), model.version)

    def delete(self, workspace_id: str, name: str, version: int) -> None:
        self._connection.execute(
            models.delete().where(
                models.c.workspace_id == workspace_id, models.c.name == name, models.c.version == version
            )
        )

    def list(self, workspace_id: str, chosen: ModelFilter) -> list[Model]:
        query = _MODELS.where(models.c.workspace_id == workspace_id)
        for column, wanted in (
            (models.c.name, chosen.name),
            (models.c.version, chosen.version),
            (models.c.run_id, chosen.run_id),
            (models.c.framework, chosen.framework),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        if chosen.latest:
            other = models.alias()
            newest = (
                select(func.max(other.c.version))
                .where(other.c.workspace_id == models.c.workspace_id, other.c.name == models.c.name)
                .scalar_subquery()
            )
            query = query.where(models.c.version == newest)
        return [Model._make(row) for row in self._connection.execute(query.order_by(models.c.seq.desc()))]


def _counter(workspace_id: str, name: str) -> str:
    return f"models/{workspace_id}/{name}"
