"""A container of Azure's blob storage as a datastore; also one with folders (Data Lake Storage Gen2)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from amlet.base.errors import InvalidInput, NotFound
from amlet.datastores.azure_errors import told
from amlet.datastores.base import Exactly, OpenFile, library
from amlet.domain.data import DataFile, folder_of, matcher

ENDPOINT = "core.windows.net"
TIMEOUT_S = 12
TRIES = 2
"""After the first; with all of them less time than a client waits for the server."""

PAUSE_S = 1
PARALLEL = 4
PIECE_BYTES = 4 << 20
"""How much is fetched at a time: the libraries hold some of them in memory."""


class AzureBlobStore:
    """A container. Signed in with an account key, a SAS token, a service principal, or not at all (public ones)."""

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self._settings = settings
        self._credentials = credentials
        self._where = f"Container {settings['container_name']} of {settings['account_name']}"
        self._lock = threading.Lock()
        self._made: Any = None

    def check(self, *, create: bool) -> None:
        errors = library("azure.core.exceptions", "azure")
        with told(self._where):
            try:
                # Listing needs less than the container's properties: a SAS token may allow just that.
                next(iter(self._container.list_blob_names(results_per_page=1)), None)
            except errors.ResourceNotFoundError:
                if not create:
                    raise
                self._container.create_container()

    def list(self, pattern: str = "") -> Iterator[DataFile]:
        wanted = matcher(pattern).fullmatch
        with told(self._where, pattern):
            for found in self._container.list_blobs(name_starts_with=folder_of(pattern) or None):
                # A container with folders lists those as blobs, too.
                is_folder = (found.metadata or {}).get("hdi_isfolder") == "true"
                if not is_folder and wanted(found.name):
                    yield _data_file(found.name, found)

    def stat(self, path: str) -> DataFile | None:
        try:
            with told(self._where, path):
                return _data_file(path, self._container.get_blob_client(path).get_blob_properties())
        except NotFound:
            return None

    def open(self, path: str, offset: int = 0) -> OpenFile:
        with told(self._where, path):
            blob = self._container.get_blob_client(path)
            held = blob.get_blob_properties()
            version = _version(held)
            if offset >= held.size:
                return OpenFile(BlobStream(iter(()), self._where, path), held.size, version)
            # Of one version: a blob that is changed meanwhile breaks off, and never comes half old and half new.
            reader = blob.download_blob(
                offset=offset,
                etag=held.etag,
                match_condition=library("azure.core", "azure").MatchConditions.IfNotModified,
            )
        return OpenFile(BlobStream(reader.chunks(), self._where, path), held.size, version)

    def write(self, path: str, stream: BinaryIO, size_bytes: int) -> None:
        with told(self._where, path):
            self._container.get_blob_client(path).upload_blob(
                Exactly(stream, size_bytes), length=size_bytes, overwrite=True, max_concurrency=PARALLEL
            )

    @property
    def _container(self) -> Any:
        with self._lock:
            if self._made is None:
                blob = library("azure.storage.blob", "azure")
                with told(self._where):
                    self._made = blob.ContainerClient(
                        account_url(self._settings, "blob"),
                        self._settings["container_name"],
                        max_single_get_size=PIECE_BYTES,
                        max_chunk_get_size=PIECE_BYTES,
                        **client_options(blob, self._settings, self._credentials),
                    )
            return self._made


def client_options(package: Any, settings: Mapping[str, str], credentials: Mapping[str, str]) -> dict[str, Any]:
    """How a client of a storage account signs in, and how long it tries: the same for blobs and shares."""
    audience = settings.get("resource_url", "").rstrip("/")
    return {
        "credential": credential(settings, credentials),
        **({"audience": audience} if audience and "client_secret" in credentials else {}),
        "connection_timeout": TIMEOUT_S,
        "read_timeout": TIMEOUT_S,
        "retry_policy": package.LinearRetry(backoff=PAUSE_S, retry_total=TRIES),
    }


def account_url(settings: Mapping[str, str], service: str) -> str:
    """The address of a storage account: Azure's own, or that of an emulator as `host:port/account`."""
    protocol, endpoint = settings.get("protocol") or "https", settings.get("endpoint") or ENDPOINT
    account = settings["account_name"]
    if ":" in endpoint or endpoint.startswith(("localhost", "127.")):
        return f"{protocol}://{endpoint.rstrip('/')}/{account}"
    return f"{protocol}://{account}.{service}.{endpoint}"


def credential(settings: Mapping[str, str], credentials: Mapping[str, str]) -> Any:
    """What the client libraries sign in with."""
    if "account_key" in credentials:
        return {"account_name": settings["account_name"], "account_key": credentials["account_key"]}
    if "sas_token" in credentials:
        return credentials["sas_token"].lstrip("?")
    if "client_secret" in credentials:
        return _principal(settings, credentials["client_secret"])
    return None


def _principal(settings: Mapping[str, str], secret: str) -> Any:
    identity = library("azure.identity", "azure")
    authority = settings.get("authority_url", "")
    parts = urlsplit(authority if "//" in authority else f"//{authority}")
    # Whether a host that the user names is one of Azure's is not asked of Azure.
    where = {"authority": parts.netloc, "disable_instance_discovery": True} if parts.netloc else {}
    try:
        return identity.ClientSecretCredential(
            settings.get("tenant_id", ""), settings.get("client_id", ""), secret, **where
        )
    except ValueError as error:
        raise InvalidInput(
            f"The service principal cannot be signed in: {str(error).rstrip('.')}.",
            hint="register it again with its tenant_id, client_id and client_secret, overwrite=True.",
        ) from error


class BlobStream:
    """A download in the pieces that the library makes, read in those that are asked for."""

    def __init__(self, pieces: Iterator[bytes], where: str, path: str) -> None:
        self._pieces, self._where, self._path = pieces, where, path
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        with told(self._where, self._path):
            while not self._left:
                piece = next(self._pieces, None)
                if piece is None:
                    return b""
                self._left = piece
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        return data

    def close(self) -> None:
        self._pieces = iter(())


def _data_file(path: str, found: Any) -> DataFile:
    return DataFile(path, found.size, _version(found))


def _version(found: Any) -> str:
    return str(found.etag).strip('"')
