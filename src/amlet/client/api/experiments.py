"""Experiments."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.domain.workspace import Experiment
from amlet.wire import routes


class ExperimentsApi(Noun):
    def ensure(self, workspace_id: str, name: str) -> Experiment:
        """Find or make an experiment."""
        return self._call(Experiment, routes.EXPERIMENT_ENSURE, workspace_id, name)
