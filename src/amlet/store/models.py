"""Models: registered versions."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Text, func, or_, select, type_coerce

from amlet.base.errors import Conflict
from amlet.domain.model import Alias, Event, Model
from amlet.store.base import ModelFilter, ModelSearch
from amlet.store.tables import model_aliases, model_events, models
from amlet.store.upserts import count_at_least, next_number, put

_MODELS = select(*(models.c[name] for name in Model._fields))
_EVENTS = select(*(model_events.c[name] for name in Event._fields))

WORDS_LIMIT = 20
"""Of a search: databases bound how many conditions a query has."""


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

    def save(self, model: Model) -> None:
        self._connection.execute(
            models.update()
            .where(
                models.c.workspace_id == model.workspace_id,
                models.c.name == model.name,
                models.c.version == model.version,
            )
            .values(model._asdict())
        )

    def aliases(self, workspace_id: str, name: str) -> list[Alias]:
        query = select(model_aliases.c.alias, model_aliases.c.version).where(
            model_aliases.c.workspace_id == workspace_id, model_aliases.c.name == name
        )
        return [Alias._make(row) for row in self._connection.execute(query.order_by(model_aliases.c.alias))]

    def set_alias(self, workspace_id: str, name: str, alias: str, version: int | None) -> None:
        key = {"workspace_id": workspace_id, "name": name, "alias": alias}
        if version is not None:
            put(self._connection, model_aliases, [{**key, "version": version}])
            return
        self._connection.execute(model_aliases.delete().where(*(model_aliases.c[at] == of for at, of in key.items())))

    def note(self, workspace_id: str, name: str, event: Event) -> None:
        self._connection.execute(model_events.insert(), {"workspace_id": workspace_id, "name": name, **event._asdict()})

    def history(self, workspace_id: str, name: str) -> list[Event]:
        query = _EVENTS.where(model_events.c.workspace_id == workspace_id, model_events.c.name == name)
        return [Event._make(row) for row in self._connection.execute(query.order_by(model_events.c.seq.desc()))]

    def delete(self, workspace_id: str, name: str, version: int) -> None:
        self._connection.execute(
            model_aliases.delete().where(
                model_aliases.c.workspace_id == workspace_id,
                model_aliases.c.name == name,
                model_aliases.c.version == version,
            )
        )
        self._connection.execute(
            models.delete().where(
                models.c.workspace_id == workspace_id, models.c.name == name, models.c.version == version
            )
        )

    def page(self, workspace_id: str, chosen: ModelSearch) -> tuple[list[Model], int | None]:
        query = select(*_MODELS.selected_columns, models.c.seq)
        query = query.where(models.c.workspace_id == workspace_id, models.c.version == _newest())
        for word in (chosen.text or "").split()[:WORDS_LIMIT]:
            query = query.where(_mentions(word))
        if chosen.framework is not None:
            query = query.where(models.c.framework == chosen.framework)
        if chosen.before is not None:
            query = query.where(models.c.seq < chosen.before)
        limit = max(1, chosen.limit)
        found = list(self._connection.execute(query.order_by(models.c.seq.desc()).limit(limit + 1)))
        following = found[limit - 1].seq if len(found) > limit else None
        return [Model._make(row[:-1]) for row in found[:limit]], following

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
            query = query.where(models.c.version == _newest())
        found = [Model._make(row) for row in self._connection.execute(query.order_by(models.c.seq.desc()))]
        wanted = chosen.dataset_id
        return found if wanted is None else [model for model in found if wanted in {use.id for use in model.datasets}]


def _newest() -> ScalarSelect[int]:
    """The newest version of the model that a row is of."""
    other = models.alias()
    return (
        select(func.max(other.c.version))
        .where(other.c.workspace_id == models.c.workspace_id, other.c.name == models.c.name)
        .scalar_subquery()
    )


def _mentions(word: str) -> ColumnElement[bool]:
    texts = (models.c.name, models.c.description, models.c.framework)
    in_json = json.dumps(word)[1:-1]  # tags are kept as JSON, whose letters are ASCII
    of_tags = type_coerce(models.c.tags, Text).icontains(in_json, autoescape=True)
    return or_(*(column.icontains(word, autoescape=True) for column in texts), of_tags)


def _counter(workspace_id: str, name: str) -> str:
    return f"models/{workspace_id}/{name}"
