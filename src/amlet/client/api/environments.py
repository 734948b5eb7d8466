"""Environments, registered and curated."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.domain.environment import EnvironmentSpec
from amlet.wire import routes
from amlet.wire.environments import EnvironmentQuery, EnvironmentRecord, Environments

_LATEST = EnvironmentQuery()


class EnvironmentsApi(Noun):
    def register(self, workspace_id: str, body: EnvironmentSpec) -> EnvironmentRecord:
        """Register an environment; an unchanged one keeps its version."""
        return self._call(EnvironmentRecord, routes.ENVIRONMENT_REGISTER, workspace_id, body=body)

    def get(self, workspace_id: str, name: str, query: EnvironmentQuery = _LATEST) -> EnvironmentRecord:
        """A registered or curated environment."""
        return self._call(EnvironmentRecord, routes.ENVIRONMENT_GET, workspace_id, name, query=query)

    def list(self, workspace_id: str) -> Environments:
        """The latest version of every environment, curated ones included."""
        return self._call(Environments, routes.ENVIRONMENT_LIST, workspace_id)
