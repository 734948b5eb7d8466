"""Registered models."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.domain.artifact import Tree
from amlet.domain.model import Model
from amlet.wire import routes
from amlet.wire.files import FileQuery
from amlet.wire.models import (
    Aliases,
    DeleteQuery,
    EditModel,
    History,
    ModelQuery,
    ModelResolve,
    Models,
    RegisterAnswer,
    RegisterModel,
    Rollback,
    SetAlias,
)
from amlet.wire.server import Done

_ALL = ModelQuery()
_BY_NOBODY = DeleteQuery()


class ModelsApi(Noun):
    def register(self, workspace_id: str, body: RegisterModel) -> RegisterAnswer:
        """Make the next version of a model."""
        return self._call(RegisterAnswer, routes.MODEL_REGISTER, workspace_id, body=body)

    def list(self, workspace_id: str, query: ModelQuery = _ALL) -> Models:
        """Models, newest first."""
        return self._call(Models, routes.MODEL_LIST, workspace_id, query=query)

    def get(self, workspace_id: str, name: str, version: int) -> Model:
        """One version of a model."""
        return self._call(Model, routes.MODEL_GET, workspace_id, name, version)

    def files(self, workspace_id: str, name: str, version: int) -> Tree:
        """The files of a model."""
        return self._call(Tree, routes.MODEL_FILES, workspace_id, name, version)

    def file(self, workspace_id: str, name: str, version: int, query: FileQuery) -> Body:
        """The bytes of one file of a model."""
        return self._call(Body, routes.MODEL_FILE, workspace_id, name, version, query=query)

    def delete(self, workspace_id: str, name: str, version: int, query: DeleteQuery = _BY_NOBODY) -> Done:
        """Delete one version of a model."""
        return self._call(Done, routes.MODEL_DELETE, workspace_id, name, version, query=query)

    def edit(self, workspace_id: str, name: str, version: int, body: EditModel) -> Model:
        """Change what is said of a version."""
        return self._call(Model, routes.MODEL_EDIT, workspace_id, name, version, body=body)

    def resolve(self, workspace_id: str, query: ModelResolve) -> Model:
        """The model that a name, a version or an alias stands for."""
        return self._call(Model, routes.MODEL_RESOLVE, workspace_id, query=query)

    def aliases(self, workspace_id: str, name: str) -> Aliases:
        """The aliases of a model."""
        return self._call(Aliases, routes.MODEL_ALIASES, workspace_id, name)

    def set_alias(self, workspace_id: str, name: str, body: SetAlias) -> Aliases:
        """Let an alias stand for a version, or for none."""
        return self._call(Aliases, routes.MODEL_SET_ALIAS, workspace_id, name, body=body)

    def rollback(self, workspace_id: str, name: str, body: Rollback) -> Aliases:
        """Let an alias stand for the version that it stood for before."""
        return self._call(Aliases, routes.MODEL_ROLLBACK, workspace_id, name, body=body)

    def history(self, workspace_id: str, name: str) -> History:
        """What became of a model's versions and aliases, newest first."""
        return self._call(History, routes.MODEL_HISTORY, workspace_id, name)
