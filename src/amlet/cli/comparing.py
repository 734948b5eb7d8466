"""Fetching what a comparison of two runs needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from amlet.base.errors import NotFound
from amlet.domain.artifact import Entry
from amlet.domain.comparison import (
    TEXT_LIMIT_BYTES,
    Comparison,
    FileDiff,
    Side,
    file_diff,
    files_of,
    mark_of,
    packages_of,
)
from amlet.domain.run import PACKAGES, Run
from amlet.sdk.connection import Connection
from amlet.wire.files import FileQuery, RunFile


def side_of(held: Connection, run: Run) -> Side:
    """All of a run that is compared."""
    details = held.client.runs.get(held.workspace_id, run.id)
    metrics = held.client.runs.metrics(held.workspace_id, run.id).values
    return Side(
        details.run,
        details.job,
        details.lock,
        metrics,
        _packages(held, run, details.files),
        _sources(held, run),
        dict(_marks(held, run, metrics, details.files)),
    )


def code_diffs(held: Connection, found: Comparison) -> Iterator[FileDiff]:
    """What changed in each file of the sources, fetched one at a time."""
    for file in found.code:
        fetches = file.is_text_sized
        left, right = (_blob(held, entry) if fetches and entry else None for entry in (file.left, file.right))
        yield file_diff(file, left, right)


def _blob(held: Connection, entry: Entry) -> bytes:
    with held.client.blobs.get(held.workspace_id, entry.sha256) as body:
        return body.read()


def _sources(held: Connection, run: Run) -> list[Entry]:
    try:
        return held.client.runs.snapshot(held.workspace_id, run.id).entries
    except NotFound:
        return []


def _packages(held: Connection, run: Run, files: Iterable[RunFile]) -> dict[str, str]:
    listed = next((file for file in files if file.path == PACKAGES), None)
    if listed is None or listed.size_bytes > TEXT_LIMIT_BYTES:
        return {}
    with held.client.runs.file(held.workspace_id, run.id, FileQuery(PACKAGES)) as body:
        return packages_of(body.read().decode("utf-8", "replace"))


def _marks(
    held: Connection, run: Run, metrics: Mapping[str, Any], files: Iterable[RunFile]
) -> Iterator[tuple[str, str]]:
    there = {file.path for file in files}
    for path in files_of(metrics):
        if path in there:
            digest, size = sha256(), 0
            with held.client.runs.file(held.workspace_id, run.id, FileQuery(path)) as body:
                for chunk in body.chunks():
                    digest.update(chunk)
                    size += len(chunk)
            yield path, mark_of(digest.hexdigest(), size)
