"""Datastores: places of data, and the files on them."""

from __future__ import annotations

from typing import Optional

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.wire import routes
from amlet.wire.data import (
    CreateDatastore,
    DataFilesQuery,
    Datastores,
    DatastoreState,
    PutDataAnswer,
    PutDataFiles,
    QueryDatabase,
)
from amlet.wire.files import FileQuery
from amlet.wire.server import Done

_ALL = DataFilesQuery()


class DatastoresApi(Noun):
    def create(self, workspace_id: str, name: str, body: CreateDatastore) -> DatastoreState:
        """Register a datastore."""
        return self._call(DatastoreState, routes.DATASTORE_CREATE, workspace_id, name, body=body)

    def get(self, workspace_id: str, name: str) -> DatastoreState:
        """One datastore, without its secrets."""
        return self._call(DatastoreState, routes.DATASTORE_GET, workspace_id, name)

    def list(self, workspace_id: str) -> Datastores:
        """All datastores."""
        return self._call(Datastores, routes.DATASTORE_LIST, workspace_id)

    def delete(self, workspace_id: str, name: str) -> Done:
        """Unregister a datastore; its data stays."""
        return self._call(Done, routes.DATASTORE_DELETE, workspace_id, name)

    def set_default(self, workspace_id: str, name: str) -> Done:
        """Make it the workspace's default."""
        return self._call(Done, routes.DATASTORE_DEFAULT, workspace_id, name)

    def files(self, workspace_id: str, name: str, query: DataFilesQuery = _ALL) -> Body:
        """The files of a path, a folder or a glob, by path; `wire.data.read_file_lines` reads them."""
        return self._call(Body, routes.DATASTORE_FILES, workspace_id, name, query=query)

    def file(self, workspace_id: str, name: str, query: FileQuery) -> Body:
        """The bytes of one file, from an offset."""
        return self._call(Body, routes.DATASTORE_FILE, workspace_id, name, query=query)

    def put_files(
        self, workspace_id: str, name: str, body: PutDataFiles, *, patience_s: Optional[float] = None
    ) -> PutDataAnswer:
        """Bring files whose blobs were sent to a datastore."""
        return self._call(
            PutDataAnswer, routes.DATASTORE_PUT_FILES, workspace_id, name, body=body, patience_s=patience_s
        )

    def query(self, workspace_id: str, name: str, body: QueryDatabase) -> Body:
        """Ask a database; `wire.data.read_query_lines` reads what comes."""
        return self._call(Body, routes.DATASTORE_QUERY, workspace_id, name, body=body)
