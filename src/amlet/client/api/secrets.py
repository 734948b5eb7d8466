"""Secrets of a workspace: what v1 kept in its key vault."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.wire import routes
from amlet.wire.data import SecretNames, SecretValues, SetSecrets
from amlet.wire.server import Done


class SecretsApi(Noun):
    def set(self, workspace_id: str, body: SetSecrets) -> Done:
        """Keep secrets."""
        return self._call(Done, routes.SECRET_SET, workspace_id, body=body)

    def get(self, workspace_id: str, body: SecretNames) -> SecretValues:
        """The values of some secrets."""
        return self._call(SecretValues, routes.SECRET_GET, workspace_id, body=body)

    def list(self, workspace_id: str) -> SecretNames:
        """The names of all secrets."""
        return self._call(SecretNames, routes.SECRET_LIST, workspace_id)

    def delete(self, workspace_id: str, body: SecretNames) -> Done:
        """Delete secrets; those that are not there are no error."""
        return self._call(Done, routes.SECRET_DELETE, workspace_id, body=body)
