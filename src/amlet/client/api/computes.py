"""Compute targets."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.wire import routes
from amlet.wire.computes import ComputeNodes, Computes, ComputeState, CreateCompute, SwitchCompute, UpdateCompute
from amlet.wire.server import Done


class ComputesApi(Noun):
    def create(self, workspace_id: str, name: str, body: CreateCompute) -> ComputeState:
        """Make a compute target."""
        return self._call(ComputeState, routes.COMPUTE_CREATE, workspace_id, name, body=body)

    def get(self, workspace_id: str, name: str) -> ComputeState:
        """One compute target."""
        return self._call(ComputeState, routes.COMPUTE_GET, workspace_id, name)

    def list(self, workspace_id: str) -> Computes:
        """All compute targets."""
        return self._call(Computes, routes.COMPUTE_LIST, workspace_id)

    def update(self, workspace_id: str, name: str, body: UpdateCompute) -> ComputeState:
        """Change how many nodes a target may have."""
        return self._call(ComputeState, routes.COMPUTE_UPDATE, workspace_id, name, body=body)

    def switch(self, workspace_id: str, name: str, body: SwitchCompute) -> ComputeState:
        """Start, stop or restart a compute instance."""
        return self._call(ComputeState, routes.COMPUTE_SWITCH, workspace_id, name, body=body)

    def nodes(self, workspace_id: str, name: str) -> ComputeNodes:
        """The nodes of a target, `local` too, and what each does."""
        return self._call(ComputeNodes, routes.COMPUTE_NODES, workspace_id, name)

    def delete(self, workspace_id: str, name: str) -> Done:
        """Delete a compute target."""
        return self._call(Done, routes.COMPUTE_DELETE, workspace_id, name)
