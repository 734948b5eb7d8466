"""A bucket of S3, or of what speaks its protocol, as a datastore."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from amlet.base.errors import AmletError, DatastoreFailed, InvalidInput, NotFound
from amlet.datastores.base import Exactly, OpenFile, library
from amlet.domain.data import DataFile, clean_path, folder_of, matcher

TRIES = 3
TIMEOUT_S = 12
"""How long a bucket may say nothing; with all tries less than a client waits for the server."""

JOIN_TIMEOUT_S = 600
"""The same while writing: some stores say nothing until they have put all parts together, and what is asked for again
meanwhile fails."""

SINGLE_BYTES = 4 << 20
"""A file up to this is sent in one request: sending in parts makes threads for each."""

_MISSING = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
_BEYOND = ("416", "InvalidRange")
_REFUSED = ("403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")


class S3Store:
    """A bucket, or what lies below a prefix in it. Without an access key the machine's own credentials are taken."""

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self._bucket = settings["bucket"]
        self._prefix = clean_path(settings.get("prefix", ""))
        self._settings = settings
        self._credentials = credentials
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def check(self, *, create: bool) -> None:
        with self._told(""):
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except library("botocore.exceptions", "s3").ClientError as error:
                if not create or _code(error) not in _MISSING:
                    raise
                self._client.create_bucket(Bucket=self._bucket)

    def list(self, pattern: str = "") -> Iterator[DataFile]:
        wanted = matcher(pattern).fullmatch
        start = self._key(folder_of(pattern))
        with self._told(pattern):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=start)
            for page in pages:
                for found in page.get("Contents", ()):
                    path = found["Key"][len(self._prefix) + 1 :] if self._prefix else found["Key"]
                    if not path.endswith("/") and wanted(path):
                        yield DataFile(path, found["Size"], found["ETag"].strip('"'))

    def stat(self, path: str) -> DataFile | None:
        try:
            with self._told(path):
                found = self._client.head_object(Bucket=self._bucket, Key=self._key(path))
        except NotFound:
            return None
        return DataFile(path, found["ContentLength"], found["ETag"].strip('"'))

    def open(self, path: str, offset: int = 0) -> OpenFile:
        part = {"Range": f"bytes={offset}-"} if offset else {}
        with self._told(path):
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=self._key(path), **part)
            except library("botocore.exceptions", "s3").ClientError as error:
                if _code(error) not in _BEYOND:
                    raise
                found = None
        if found is not None:
            total = offset + found["ContentLength"]
            return OpenFile(_Stream(found["Body"], self, path), total, found["ETag"].strip('"'))
        held = self.stat(path)
        if held is None:
            raise NotFound(f"Bucket {self._bucket} has no file {path[:200]!r}.")
        return OpenFile(_Nothing(), held.size_bytes, held.version)

    def write(self, path: str, stream: BinaryIO, size_bytes: int) -> None:
        with self._told(path):
            if size_bytes <= SINGLE_BYTES:
                whole = Exactly(stream, size_bytes).read()
                self._writing.put_object(Bucket=self._bucket, Key=self._key(path), Body=whole)
                return
            # In parts; the bucket shows it when the last one is there.
            self._writing.upload_fileobj(Exactly(stream, size_bytes), self._bucket, self._key(path))

    @property
    def _client(self) -> Any:
        return self._made("reading", TIMEOUT_S)

    @property
    def _writing(self) -> Any:
        return self._made("writing", JOIN_TIMEOUT_S)

    def _made(self, what: str, timeout_s: int) -> Any:
        with self._lock:
            if what not in self._clients:
                boto3 = library("boto3", "s3")
                session = boto3.session.Session(
                    aws_access_key_id=self._settings.get("access_key_id"),
                    aws_secret_access_key=self._credentials.get("secret_access_key"),
                    region_name=self._settings.get("region") or "us-east-1",
                )
                config = library("botocore.config", "s3").Config(
                    retries={"total_max_attempts": TRIES}, connect_timeout=TIMEOUT_S, read_timeout=timeout_s
                )
                self._clients[what] = session.client(
                    "s3", endpoint_url=self._settings.get("endpoint_url"), config=config
                )
            return self._clients[what]

    def _key(self, path: str) -> str:
        return "/".join(part for part in (self._prefix, path) if part)

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[None]:
        errors = library("botocore.exceptions", "s3")
        try:
            yield
        except errors.ClientError as error:
            raise self._refusal(error, path) from error
        except errors.NoCredentialsError as error:
            raise InvalidInput(
                f"Bucket {self._bucket} needs credentials.",
                hint="register it with access_key_id and secret_access_key.",
            ) from error
        except (errors.BotoCoreError, OSError) as error:
            raise DatastoreFailed(
                f"Bucket {self._bucket} cannot be reached: {type(error).__name__}: {error}"
            ) from error

    def _refusal(self, error: Any, path: str) -> AmletError:
        code = _code(error)
        if code in _MISSING:
            what = f"has no file {path[:200]!r}" if path and code != "NoSuchBucket" else "is not there"
            return NotFound(f"Bucket {self._bucket} {what}.")
        if code in _REFUSED:
            return InvalidInput(
                f"Bucket {self._bucket} does not let us in: {code}.", hint="register it again with good credentials."
            )
        return DatastoreFailed(f"Bucket {self._bucket} answers {code}.")


class _Stream:
    """A body that tells in our words how it broke."""

    def __init__(self, body: Any, store: S3Store, path: str) -> None:
        self._body, self._store, self._path = body, store, path

    def read(self, size: int = -1) -> bytes:
        with self._store._told(self._path):
            data: bytes = self._body.read(None if size < 0 else size)
            return data

    def close(self) -> None:
        self._body.close()


class _Nothing:
    def read(self, size: int = -1) -> bytes:  # noqa: ARG002
        return b""

    def close(self) -> None:
        pass


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
