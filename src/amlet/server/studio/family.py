"""A run's parent and children on its page."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from amlet.domain.filter import Comparison, Field, unparse
from amlet.domain.run import Run
from amlet.server.studio.run_rows import RunTable, run_table
from amlet.store.base import RunFilter, Transaction
from amlet.wire import pages

CHILDREN_LIMIT = 25


class Family(NamedTuple):
    """The parent, when it is still there; the newest children; where all of them are listed."""

    parent: Run | None
    parent_href: str
    children: RunTable
    more: bool
    all_href: str


def read_family(tx: Transaction, run: Run, now: datetime) -> Family:
    """Read both."""
    parent = tx.runs.find(run.workspace_id, run.parent_id) if run.parent_id else None
    chosen = RunFilter(parent_id=run.id, limit=CHILDREN_LIMIT)
    children, following = tx.runs.page(run.workspace_id, chosen)
    asked = {"filter": unparse(Comparison(Field("parent"), "=", (run.id,))), "children": "yes"}
    return Family(
        parent,
        pages.run_page(parent.workspace_id, parent.experiment, parent.id) if parent else "",
        run_table(tx, run.workspace_id, children, now),
        following is not None,
        f"{pages.workspace_page(run.workspace_id)}?{urlencode(asked, errors='replace')}",
    )
