"""A file share of Azure's as a datastore."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from amlet.base.errors import NotFound
from amlet.datastores.azure_blob import PARALLEL, PIECE_BYTES, BlobStream, account_url, client_options
from amlet.datastores.azure_errors import told
from amlet.datastores.base import Exactly, OpenFile, library
from amlet.domain.data import DataFile, folder_of, is_glob, matcher

PARTIAL = ".amlet-"


class AzureFileStore:
    """A share. Files are written under another name and renamed: a share shows them while they grow."""

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self._settings = settings
        self._credentials = credentials
        self._where = f"File share {settings['container_name']} of {settings['account_name']}"
        self._lock = threading.Lock()
        self._made: Any = None

    def check(self, *, create: bool) -> None:
        errors = library("azure.core.exceptions", "azure")
        with told(self._where):
            try:
                next(iter(self._share.list_directories_and_files()), None)
            except errors.ResourceNotFoundError:
                if not create:
                    raise
                self._share.create_share()

    def list(self, pattern: str = "") -> Iterator[DataFile]:
        start = folder_of(pattern)
        alone = self.stat(start) if start and not is_glob(pattern) else None
        if alone is not None:
            yield alone
            return
        wanted = matcher(pattern).fullmatch
        try:
            for file in self._walk(start):
                if wanted(file.path):
                    yield file
        except NotFound:
            return

    def stat(self, path: str) -> DataFile | None:
        try:
            with told(self._where, path):
                return _data_file(path, self._share.get_file_client(path).get_file_properties())
        except NotFound:
            return None

    def open(self, path: str, offset: int = 0) -> OpenFile:
        with told(self._where, path):
            file = self._share.get_file_client(path)
            held = _data_file(path, file.get_file_properties())
            chunks = file.download_file(offset=offset).chunks() if offset < held.size_bytes else iter(())
        return OpenFile(BlobStream(chunks, self._where, path), held.size_bytes, held.version)

    def write(self, path: str, stream: BinaryIO, size_bytes: int) -> None:
        folder, _, name = path.rpartition("/")
        with told(self._where, path):
            self._make_folders(folder)
            partial = "/".join(part for part in (folder, f"{PARTIAL}{os.urandom(8).hex()}.part") if part)
            file = self._share.get_file_client(partial)
            try:
                file.upload_file(Exactly(stream, size_bytes), length=size_bytes, max_concurrency=PARALLEL)
                file.rename_file("/".join(part for part in (folder, name) if part), overwrite=True)
            except BaseException:
                with contextlib.suppress(library("azure.core.exceptions", "azure").AzureError):
                    file.delete_file()
                raise

    def _walk(self, folder: str) -> Iterator[DataFile]:
        with told(self._where, folder):
            found = sorted(
                self._share.list_directories_and_files(folder or None, include=["etag"]),
                key=lambda item: str(item.name),
            )
        for item in found:
            path = f"{folder}/{item.name}" if folder else str(item.name)
            if item.is_directory:
                yield from self._walk(path)
            elif not item.name.startswith(PARTIAL):
                yield _data_file(path, item)

    def _make_folders(self, folder: str) -> None:
        errors = library("azure.core.exceptions", "azure")
        parts = folder.split("/") if folder else []
        for number in range(len(parts)):
            try:
                self._share.create_directory("/".join(parts[: number + 1]))
            except errors.ResourceExistsError:
                continue

    @property
    def _share(self) -> Any:
        with self._lock:
            if self._made is None:
                fileshare = library("azure.storage.fileshare", "azure")
                with told(self._where):
                    self._made = fileshare.ShareClient(
                        account_url(self._settings, "file"),
                        self._settings["container_name"],
                        max_single_get_size=PIECE_BYTES,
                        max_chunk_get_size=PIECE_BYTES,
                        **client_options(fileshare, self._settings, self._credentials),
                    )
            return self._made


def _data_file(path: str, found: Any) -> DataFile:
    return DataFile(path, found.size, str(found.etag).strip('"'))
