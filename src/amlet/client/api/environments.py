"""Environments, registered and curated."""

from __future__ import annotations

from typing import Optional

from amlet.client.api.noun import Noun
from amlet.domain.environment import EnvironmentBuild, EnvironmentSpec, Lock
from amlet.wire import routes
from amlet.wire.environments import (
    BuildEnvironment,
    BuildQuery,
    BuildState,
    EnvironmentQuery,
    EnvironmentRecord,
    Environments,
)

_LATEST = EnvironmentQuery()
_NOW = BuildQuery()


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

    def versions(self, workspace_id: str, name: str) -> Environments:
        """Every version of an environment, oldest first."""
        return self._call(Environments, routes.ENVIRONMENT_VERSIONS, workspace_id, name)

    def build(self, workspace_id: str, body: BuildEnvironment) -> EnvironmentBuild:
        """Resolve and build an environment; it need not be registered."""
        return self._call(EnvironmentBuild, routes.ENVIRONMENT_BUILD, workspace_id, body=body)

    def build_state(
        self, workspace_id: str, build_id: str, query: BuildQuery = _NOW, *, patience_s: Optional[float] = None
    ) -> BuildState:
        """One build, its log from an offset, or its next change."""
        route = routes.ENVIRONMENT_BUILD_STATE
        return self._call(BuildState, route, workspace_id, build_id, query=query, patience_s=patience_s)

    def lock(self, workspace_id: str, lock_id: str) -> Lock:
        """The exact packages of an environment's version, a run or a model."""
        return self._call(Lock, routes.ENVIRONMENT_LOCK, workspace_id, lock_id)
