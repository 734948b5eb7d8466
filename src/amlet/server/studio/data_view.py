"""What the pages of data show: a workspace's datasets and datastores, one dataset with its runs, a run's data."""

from __future__ import annotations

from typing import Any, NamedTuple

from amlet.domain.data import DataPath, DatasetRecord, DataUse
from amlet.operations.datasets import find, uses_of
from amlet.store.base import DatasetFilter, Transaction
from amlet.wire import pages
from amlet.wire.data import DatasetUse

SOURCES_LIMIT = 50


class UseRow(NamedTuple):
    """Data of a run."""

    use: DataUse
    title: str
    href: str
    sources: list[str]


class DatasetRow(NamedTuple):
    record: DatasetRecord
    title: str
    href: str


class RunRow(NamedTuple):
    used: DatasetUse
    href: str


def use_rows(workspace_id: str, uses: list[DataUse]) -> list[UseRow]:
    """A run's data, as its page shows it."""
    return [
        UseRow(
            use,
            _title(use.dataset_name, use.dataset_version, use.dataset_id),
            pages.dataset_page(workspace_id, use.dataset_id) if use.dataset_id else "",
            _shown(use.sources),
        )
        for use in uses
    ]


def data_values(tx: Transaction, workspace_id: str) -> dict[str, Any]:
    """All of a workspace: the latest version of each dataset, every datastore."""
    return {
        "workspace": tx.workspaces.get(workspace_id),
        "datasets": [_row(record) for record in tx.datasets.list(workspace_id, DatasetFilter(latest=True))],
        "datastores": tx.datastores.list(workspace_id),
    }


def dataset_values(tx: Transaction, workspace_id: str, dataset_id: str) -> dict[str, Any]:
    """One dataset.

    Raises:
        NotFound: there is none of that id.
    """
    record = find(tx, workspace_id, dataset_id)
    versions = tx.datasets.list(workspace_id, DatasetFilter(record.name)) if record.name is not None else []
    found = uses_of(tx, workspace_id, dataset_id).uses
    return {
        "workspace": tx.workspaces.get(workspace_id),
        "record": record,
        "title": _row(record).title,
        "sources": _shown(record.sources),
        "versions": [_row(version) for version in versions],
        "uses": [RunRow(used, pages.run_page(workspace_id, used.experiment, used.run_id)) for used in found],
    }


def _row(record: DatasetRecord) -> DatasetRow:
    title = _title(record.name, record.version, record.id)
    return DatasetRow(record, title, pages.dataset_page(record.workspace_id, record.id))


def _title(name: str | None, version: int | None, dataset_id: str | None) -> str:
    return f"{name}:{version}" if name is not None else f"dataset {dataset_id}"


def _shown(sources: list[DataPath]) -> list[str]:
    """Paths as texts; of a URL without its query, which may hold a signature."""
    found = [
        source.path.partition("?")[0] if source.datastore is None else f"{source.datastore}/{source.path}"
        for source in sources[:SOURCES_LIMIT]
    ]
    left = len(sources) - len(found)
    return [*found, f"and {left:,} more"] if left else found
