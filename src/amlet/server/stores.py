"""Composes datastores: which adapter a kind has, and what it is signed in with."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from amlet.base.errors import InvalidInput
from amlet.base.paths import Home
from amlet.datastores.azure_blob import AzureBlobStore
from amlet.datastores.azure_file import AzureFileStore
from amlet.datastores.base import Database, FileStore
from amlet.datastores.folder import FolderStore, check_root
from amlet.datastores.s3 import S3Store
from amlet.domain import data
from amlet.domain.data import Datastore, LocalPlace
from amlet.operations.datastores import Opened

KEPT = 100
"""Adapters that are kept open, with the connections they hold."""


class Stores:
    """The adapters of this server's datastores. Safe from any thread."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._open: dict[object, FileStore] = {}

    def place(self, datastore: Datastore) -> LocalPlace | None:
        """The folder on this machine, of one that is a folder."""
        return self._folder(datastore).place if datastore.kind == data.FOLDER else None

    def files(self, opened: Opened) -> FileStore:
        """
        Raises:
            InvalidInput: for a database.
        """
        datastore = opened.datastore
        if datastore.kind == data.FOLDER:
            return self._folder(datastore)
        if datastore.kind not in data.FILE_STORES:
            raise InvalidInput(
                f'Datastore "{datastore.name}" is a database: it has no files.',
                hint="read it with Dataset.Tabular.from_sql_query(DataPath(datastore, query)).",
            )
        key = _key(opened)
        with self._lock:
            if key not in self._open:
                if len(self._open) >= KEPT:
                    self._open.pop(next(iter(self._open)))
                self._open[key] = _made(datastore.kind, datastore.settings, opened.credentials)
            return self._open[key]

    def database(self, opened: Opened) -> Database:
        """
        Raises:
            InvalidInput: for a store of files.
        """
        from amlet.datastores.sql import SqlDatabase  # late: most servers ask none

        datastore = opened.datastore
        if datastore.kind not in data.DATABASES:
            raise InvalidInput(f'Datastore "{datastore.name}" is no database: it holds files.')
        return SqlDatabase(datastore.kind, datastore.settings, opened.credentials)

    def check(self, opened: Opened, *, create: bool) -> None:
        """Look whether it is there and lets us in."""
        if opened.datastore.kind in data.DATABASES:
            self.database(opened).check()
        else:
            self.files(opened).check(create=create)

    def _folder(self, datastore: Datastore) -> FolderStore:
        if datastore.name in data.WORKSPACE_STORES:
            return FolderStore(self._home.datastores / datastore.workspace_id / datastore.name, own=True)
        return FolderStore(check_root(self._home, datastore.settings["path"]))


def _key(opened: Opened) -> object:
    datastore = opened.datastore
    return datastore.kind, *sorted(datastore.settings.items()), *sorted(opened.credentials.items())


def _made(kind: str, settings: Mapping[str, str], credentials: Mapping[str, str]) -> FileStore:
    if kind == data.S3:
        return S3Store(settings, credentials)
    if kind == data.AZURE_FILE:
        return AzureFileStore(settings, credentials)
    return AzureBlobStore(settings, credentials)
