"""Registered models."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.domain.artifact import Tree
from amlet.domain.model import Model
from amlet.wire import routes
from amlet.wire.files import FileQuery
from amlet.wire.models import ModelQuery, Models, RegisterAnswer, RegisterModel
from amlet.wire.server import Done

_ALL = ModelQuery()


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

    def delete(self, workspace_id: str, name: str, version: int) -> Done:
        """Delete one version of a model."""
        return self._call(Done, routes.MODEL_DELETE, workspace_id, name, version)
