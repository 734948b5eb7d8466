"""The home page and the pages of workspaces and experiments: paged, filtered and ordered by the records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from amlet.base.errors import InvalidInput
from amlet.domain.filter import (
    Condition,
    Field,
    Order,
    field_text,
    metrics_named,
    parse,
    parse_order,
    unparse_order,
)
from amlet.domain.model import Model
from amlet.domain.run import TRANSITIONS
from amlet.domain.service import Service
from amlet.domain.workspace import Workspace
from amlet.server.studio.cursors import count_of
from amlet.server.studio.run_rows import RunRow, RunTable, run_row, run_table
from amlet.store.base import ModelSearch, RunFilter, Transaction
from amlet.wire import pages

PAGE_RUNS = 50
HOME_RUNS = 8
HOME_WORKSPACES = 20
NAMES_LIMIT = 500
TABLE_LIMIT = 50

_COLUMNS = {
    "Run": "display_name",
    "Status": "status",
    "Experiment": "experiment",
    "Target": "target",
    "Created": "created",
    "Ran for": "duration",
}
_GREATEST_FIRST = ("created", "duration", "metrics")
"""A click on these columns asks for the greatest first."""


class WorkspaceCard(NamedTuple):
    """A workspace and its latest runs."""

    workspace: Workspace
    href: str
    rows: list[RunRow]


class Home(NamedTuple):
    """The home page."""

    cards: list[WorkspaceCard]
    others: list[Workspace]
    """Workspaces beyond those shown with their runs."""


class Asked(NamedTuple):
    """What a page's query asks for; a filter or an order that cannot be read is left out of `chosen`, and told."""

    chosen: RunFilter
    filter: str
    order: str
    faults: list[InvalidInput]

    @property
    def metrics(self) -> list[str]:
        """The metrics that it names."""
        return metrics_named(self.chosen.condition, self.chosen.order)

    @property
    def is_any(self) -> bool:
        """Whether it restricts anything."""
        chosen = self.chosen
        return bool(self.filter or chosen.status or chosen.experiment or chosen.before)


class Column(NamedTuple):
    """A table's column, the path that orders by it, and how it is ordered now: `ascending`, `descending` or nothing."""

    title: str
    href: str
    sorting: str
    right: bool


class Listing(NamedTuple):
    """A workspace's page, or an experiment's."""

    workspace: Workspace
    asked: Asked
    columns: list[Column]
    table: RunTable
    older: str | None
    """The path of the next page."""
    newest: str | None
    """The path of the first page, on every other."""
    experiments: list[str]
    statuses: list[str]
    orders: list[str]
    """Orders to choose from."""
    models: list[Model]
    has_more_models: bool
    services: list[Service]
    services_left: int


def asked_for(query: Mapping[str, str], experiment: str | None) -> Asked:
    """What a page's query asks for.

    Raises:
        InvalidInput: for a status that is none, or a cursor that is not ours.
    """
    status = query.get("status") or None
    if status is not None and status not in TRANSITIONS:
        raise InvalidInput(f"{status[:50]!r} is not a run's status.", hint=f"use one of {', '.join(TRANSITIONS)}.")
    before = count_of(query, "before") or None
    filter_text, order_text = query.get("filter", "").strip(), query.get("order", "").strip()
    faults: list[InvalidInput] = []
    condition: Condition | None = None
    order: Order | None = None
    try:
        condition = parse(filter_text) if filter_text else None
    except InvalidInput as error:
        faults.append(error)
    try:
        order = parse_order(order_text) if order_text else None
    except InvalidInput as error:
        faults.append(error)
    chosen = RunFilter(
        experiment if experiment is not None else query.get("experiment") or None,
        status,
        PAGE_RUNS,
        before if not faults else None,  # a place in the list that was meant, not in the one that is shown
        recursive=bool(query.get("children")),
        condition=condition,
        order=order,
    )
    return Asked(chosen, filter_text, order_text, faults)


def read_home(tx: Transaction, now: datetime) -> Home:
    """All workspaces, the first with their latest runs."""
    workspaces = sorted(tx.workspaces.list(), key=lambda held: held.created, reverse=True)
    cards = [
        WorkspaceCard(
            workspace,
            pages.workspace_page(workspace.id),
            [run_row(run, now) for run in tx.runs.page(workspace.id, RunFilter(limit=HOME_RUNS))[0]],
        )
        for workspace in workspaces[:HOME_WORKSPACES]
    ]
    return Home(cards, workspaces[HOME_WORKSPACES:])


def read_listing(tx: Transaction, workspace_id: str, asked: Asked, here: str, now: datetime) -> Listing:
    """One page of a workspace's runs, with its models and services beside.

    Raises:
        NotFound: if there is no such workspace.
    """
    chosen = asked.chosen
    workspace = tx.workspaces.get(workspace_id)
    found, following = tx.runs.page(workspace_id, chosen)
    table = run_table(tx, workspace_id, found, now, asked.metrics)
    models, older_models = tx.models.page(workspace_id, ModelSearch(limit=TABLE_LIMIT))
    services = [record.service for record in tx.services.list(workspace_id) if not record.service.version]
    names = [experiment.name for experiment in tx.experiments.list(workspace_id)]
    return Listing(
        workspace=workspace,
        asked=asked,
        columns=_columns(here, asked, table.metrics),
        table=table,
        older=_address(here, asked, before=following) if following is not None else None,
        newest=_address(here, asked) if chosen.before is not None else None,
        experiments=sorted({*names[:NAMES_LIMIT], *([chosen.experiment] if chosen.experiment else [])}),
        statuses=list(TRANSITIONS),
        orders=[
            unparse_order(Order(field, descending=True))
            for field in (Field("created"), Field("duration"), *(Field("metrics", name) for name in table.metrics))
        ],
        models=models,
        has_more_models=older_models is not None,
        services=services[:TABLE_LIMIT],
        services_left=max(0, len(services) - TABLE_LIMIT),
    )


def _columns(here: str, asked: Asked, metrics: list[str]) -> list[Column]:
    plain = [(title, Field(kind)) for title, kind in _COLUMNS.items()]
    if asked.chosen.experiment:
        plain = [(title, field) for title, field in plain if field.kind != "experiment"]
    named = [(name, Field("metrics", name)) for name in metrics]
    return [_column(here, asked, title, field) for title, field in [*plain, *named]]


def _column(here: str, asked: Asked, title: str, field: Field) -> Column:
    order = asked.chosen.order
    is_chosen = order is not None and order.field == field
    descending = field.kind in _GREATEST_FIRST
    if order is not None and is_chosen:
        descending = not order.descending
    sorting = "" if order is None or not is_chosen else "descending" if order.descending else "ascending"
    text = field_text(field) + (" desc" if descending else "")
    return Column(title, _address(here, asked, order=text), sorting, field.kind in ("duration", "metrics"))


def _address(here: str, asked: Asked, *, before: int | None = None, order: str | None = None) -> str:
    query = {
        "experiment": asked.chosen.experiment,
        "status": asked.chosen.status,
        "filter": asked.filter,
        "order": asked.order if order is None else order,
        "children": "yes" if asked.chosen.recursive else None,
        "before": before,
    }
    told = urlencode({name: value for name, value in query.items() if value}, errors="replace")
    return f"{here}?{told}" if told else here
