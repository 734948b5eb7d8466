"""Experiments."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.domain.workspace import Experiment
from amlet.wire import routes
from amlet.wire.server import Done
from amlet.wire.workspaces import ExperimentQuery, Experiments, UpdateExperiment

_ACTIVE = ExperimentQuery()


class ExperimentsApi(Noun):
    def ensure(self, workspace_id: str, name: str) -> Experiment:
        """Find or make an experiment."""
        return self._call(Experiment, routes.EXPERIMENT_ENSURE, workspace_id, name)

    def list(self, workspace_id: str, query: ExperimentQuery = _ACTIVE) -> Experiments:
        """Experiments by name."""
        return self._call(Experiments, routes.EXPERIMENT_LIST, workspace_id, query=query)

    def update(self, workspace_id: str, name: str, body: UpdateExperiment) -> Experiment:
        """Tag, archive or reactivate an experiment."""
        return self._call(Experiment, routes.EXPERIMENT_UPDATE, workspace_id, name, body=body)

    def delete(self, workspace_id: str, name: str) -> Done:
        """Delete an experiment that has no runs."""
        return self._call(Done, routes.EXPERIMENT_DELETE, workspace_id, name)
