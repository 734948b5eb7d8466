"""A run's files for its pages: their addresses, and the bytes of those that are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote

from amlet.base.errors import AmletError
from amlet.domain.run import Run
from amlet.server.context import Parts
from amlet.store.base import FileRecord
from amlet.wire import pages

Fetch = Callable[[str, int], "bytes | None"]
"""The first bytes of a blob, at most so many; None when they cannot be read."""

SHOWN_LIMIT_BYTES = 8 << 20
"""Bytes of files that one page shows the content of."""


class FileRow(NamedTuple):
    """A file, and the path of its bytes."""

    path: str
    size_bytes: int
    href: str


class RunFiles:
    """Files of one run. What is read for one page is bounded."""

    def __init__(self, run: Run, records: Iterable[FileRecord], fetch: Fetch) -> None:
        self.run = run
        self._records = {record.path: record for record in records}
        self._fetch = fetch
        self._left = SHOWN_LIMIT_BYTES

    def find(self, path: str) -> FileRecord | None:
        """The record of a file."""
        return self._records.get(path)

    def read(self, path: str, limit: int) -> bytes | None:
        """The first bytes of a finished file; None for one that is not there, or when the page has read enough."""
        record = self._records.get(path)
        if record is None or record.sha256 is None or self._left <= 0:
            return None
        data = self._fetch(record.sha256, limit)
        self._left -= len(data or b"")
        return data

    def href(self, path: str) -> str:
        """The API's path of a file's bytes."""
        return file_href(self.run, path)

    def image(self, path: str) -> str:
        """The path of an image that is shown inline."""
        return pages.image(self.run.workspace_id, self.run.experiment, self.run.id, path)


def fetcher(parts: Parts) -> Fetch:
    """Reads blobs of the server. Blocks; each is looked up for itself."""

    def fetch(sha256: str, limit: int) -> bytes | None:
        location = parts.records.read(lambda tx: tx.blobs.locate([sha256])).get(sha256)
        if location is None:
            return None
        try:
            with parts.blobs.open(location) as opened:
                return opened.read(limit)
        except (AmletError, OSError):
            return None  # the page says so in its place, the rest of it stands

    return fetch


def file_href(run: Run, path: str) -> str:
    """The API's path of a file's bytes."""
    return f"{pages.run_api(run.workspace_id, run.id)}/file?path={quote(path, safe='', errors='replace')}"


def blob_href(workspace_id: str, sha256: str) -> str:
    """The API's path of a blob's bytes."""
    return f"/api/workspaces/{quote(workspace_id, safe='')}/blobs/{quote(sha256, safe='')}"
