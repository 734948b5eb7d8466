"""Datastores: places of data, and the files on them."""

from __future__ import annotations

from typing import Any, Iterator, List

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.domain.data import DataFile
from amlet.wire import routes
from amlet.wire.data import (
    CreateDatastore,
    DataFilesQuery,
    Datastores,
    DatastoreState,
    PutDataAnswer,
    PutDataFiles,
    QueryDatabase,
    read_file_lines,
    read_query_lines,
)
from amlet.wire.files import FileQuery
from amlet.wire.server import Done


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

    def files(self, workspace_id: str, name: str, query: DataFilesQuery) -> Iterator[DataFile]:
        """The files of a path, a folder or a glob, by path, as they come."""
        body = self._call(Body, routes.DATASTORE_FILES, workspace_id, name, query=query)
        return _read(body)

    def file(self, workspace_id: str, name: str, query: FileQuery) -> Body:
        """The bytes of one file, from an offset."""
        return self._call(Body, routes.DATASTORE_FILE, workspace_id, name, query=query)

    def put_files(self, workspace_id: str, name: str, body: PutDataFiles) -> PutDataAnswer:
        """Bring files whose blobs were sent to a datastore."""
        return self._call(PutDataAnswer, routes.DATASTORE_PUT_FILES, workspace_id, name, body=body)

    def query(self, workspace_id: str, name: str, body: QueryDatabase) -> Iterator[List[Any]]:
        """Ask a database; see `wire.data.read_query_lines` for what comes."""
        answer = self._call(Body, routes.DATASTORE_QUERY, workspace_id, name, body=body)
        return _read_query(answer)


def _read(body: Body) -> Iterator[DataFile]:
    with body:
        yield from read_file_lines(body.chunks())


def _read_query(body: Body) -> Iterator[List[Any]]:
    with body:
        yield from read_query_lines(body.chunks())
