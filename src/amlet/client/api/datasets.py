"""Datasets: definitions of data, by id or by name and version."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.domain.data import DatasetRecord
from amlet.wire import routes
from amlet.wire.data import DatasetName, DatasetQuery, Datasets, DatasetUses, RegisterDataset, UpdateDataset
from amlet.wire.server import Done

_ALL = DatasetQuery()


class DatasetsApi(Noun):
    def register(self, workspace_id: str, body: RegisterDataset) -> DatasetRecord:
        """Record a dataset, or register a version of it."""
        return self._call(DatasetRecord, routes.DATASET_REGISTER, workspace_id, body=body)

    def get(self, workspace_id: str, dataset_id: str) -> DatasetRecord:
        """One dataset by its id."""
        return self._call(DatasetRecord, routes.DATASET_GET, workspace_id, dataset_id)

    def list(self, workspace_id: str, query: DatasetQuery = _ALL) -> Datasets:
        """Registered datasets, newest first."""
        return self._call(Datasets, routes.DATASET_LIST, workspace_id, query=query)

    def update(self, workspace_id: str, dataset_id: str, body: UpdateDataset) -> DatasetRecord:
        """Change a dataset's description and tags."""
        return self._call(DatasetRecord, routes.DATASET_UPDATE, workspace_id, dataset_id, body=body)

    def unregister(self, workspace_id: str, query: DatasetName) -> Done:
        """Unregister all versions of a name; their data stays."""
        return self._call(Done, routes.DATASET_UNREGISTER, workspace_id, query=query)

    def uses(self, workspace_id: str, dataset_id: str) -> DatasetUses:
        """The runs that had a dataset, newest first."""
        return self._call(DatasetUses, routes.DATASET_USES, workspace_id, dataset_id)
