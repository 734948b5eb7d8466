"""Find runs: the query of the wire, parsed and checked, for the store."""

from __future__ import annotations

import json

from amlet.base.errors import FieldError, InvalidInput
from amlet.domain.filter import parse, parse_order
from amlet.store.base import RunFilter, Transaction
from amlet.wire.runs import RunPage, RunQuery

PAGE_LIMIT = 1000


def find_runs(tx: Transaction, workspace_id: str, asked: RunQuery) -> RunPage:
    """A page of the runs that a query describes.

    Raises:
        InvalidInput: for a filter that cannot be read, with the place in it.
    """
    if not 1 <= asked.limit <= PAGE_LIMIT:
        raise InvalidInput(f"limit must be from 1 to {PAGE_LIMIT}, got {asked.limit}.")
    chosen = RunFilter(
        experiment=asked.experiment,
        status=asked.status,
        limit=asked.limit,
        before=asked.before,
        type=asked.type,
        parent_id=asked.parent_id,
        recursive=asked.recursive,
        condition=parse(asked.filter) if asked.filter else None,
        order=parse_order(asked.order) if asked.order else None,
        tags=_marks("tags", asked.tags),
        properties=_marks("properties", asked.properties),
        trashed=asked.trashed,
    )
    found, following = tx.runs.page(workspace_id, chosen)
    return RunPage(found, following)


def _marks(path: str, text: str | None) -> dict[str, str | None]:
    if text is None:
        return {}
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not all(value is None or isinstance(value, str) for value in told.values()):
        raise InvalidInput.of([FieldError(path, 'expected JSON such as {"key": "value", "other": null}')])
    return told
