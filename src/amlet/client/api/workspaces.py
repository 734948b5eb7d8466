"""Workspaces."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.domain.workspace import Workspace
from amlet.wire import routes
from amlet.wire.workspaces import EnsureWorkspace, WorkspaceAnswer, Workspaces


class WorkspacesApi(Noun):
    def ensure(self, body: EnsureWorkspace) -> WorkspaceAnswer:
        """Find or make a workspace."""
        return self._call(WorkspaceAnswer, routes.WORKSPACE_ENSURE, body=body)

    def list(self) -> Workspaces:
        """All workspaces."""
        return self._call(Workspaces, routes.WORKSPACE_LIST)

    def get(self, workspace_id: str) -> Workspace:
        """One workspace."""
        return self._call(Workspace, routes.WORKSPACE_GET, workspace_id)
