"""The home page and the pages of workspaces and experiments: paged and filtered by the records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from amlet.base.errors import InvalidInput
from amlet.domain.model import Model
from amlet.domain.run import TRANSITIONS, Run
from amlet.domain.service import Service
from amlet.domain.workspace import Workspace
from amlet.store.base import ModelFilter, RunFilter, Transaction
from amlet.wire import pages

PAGE_RUNS = 50
HOME_RUNS = 8
HOME_WORKSPACES = 20
NAMES_LIMIT = 500
TABLE_LIMIT = 50
CURSOR_DIGITS = 18
"""Fits the records' integers."""


class RunRow(NamedTuple):
    """A run in a table."""

    run: Run
    href: str
    took_s: float | None
    """None until it began."""


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


class Listing(NamedTuple):
    """A workspace's page, or an experiment's."""

    workspace: Workspace
    chosen: RunFilter
    rows: list[RunRow]
    older: str | None
    """The path of the page with older runs."""
    newest: str | None
    """The path of the first page, on every other."""
    experiments: list[str]
    statuses: list[str]
    models: list[Model]
    models_left: int
    services: list[Service]
    services_left: int


def run_filter(query: Mapping[str, str], experiment: str | None) -> RunFilter:
    """The filter that a page's query asks for.

    Raises:
        InvalidInput: for a status that is none, or a cursor that is not ours.
    """
    status = query.get("status") or None
    if status is not None and status not in TRANSITIONS:
        raise InvalidInput(f"{status[:50]!r} is not a run's status.", hint=f"use one of {', '.join(TRANSITIONS)}.")
    before = query.get("before") or None
    if before is not None and not (before.isascii() and before.isdigit() and len(before) <= CURSOR_DIGITS):
        raise InvalidInput(f"{before[:50]!r} is not a place in the list of runs.", hint="leave `before` out.")
    chosen = experiment if experiment is not None else query.get("experiment") or None
    return RunFilter(chosen, status, PAGE_RUNS, int(before) if before else None)


def read_home(tx: Transaction, now: datetime) -> Home:
    """All workspaces, the first with their latest runs."""
    workspaces = sorted(tx.workspaces.list(), key=lambda held: held.created, reverse=True)
    cards = [
        WorkspaceCard(
            workspace,
            pages.workspace_page(workspace.id),
            [_row(run, now) for run in tx.runs.page(workspace.id, RunFilter(limit=HOME_RUNS))[0]],
        )
        for workspace in workspaces[:HOME_WORKSPACES]
    ]
    return Home(cards, workspaces[HOME_WORKSPACES:])


def read_listing(tx: Transaction, workspace_id: str, chosen: RunFilter, here: str, now: datetime) -> Listing:
    """One page of a workspace's runs, with its models and services beside.

    Raises:
        NotFound: if there is no such workspace.
    """
    workspace = tx.workspaces.get(workspace_id)
    found, following = tx.runs.page(workspace_id, chosen)
    models = tx.models.list(workspace_id, ModelFilter(latest=True))
    services = [record.service for record in tx.services.list(workspace_id)]
    names = [experiment.name for experiment in tx.experiments.list(workspace_id)]
    return Listing(
        workspace=workspace,
        chosen=chosen,
        rows=[_row(run, now) for run in found],
        older=_address(here, chosen, following) if following is not None else None,
        newest=_address(here, chosen, None) if chosen.before is not None else None,
        experiments=sorted({*names[:NAMES_LIMIT], *([chosen.experiment] if chosen.experiment else [])}),
        statuses=list(TRANSITIONS),
        models=models[:TABLE_LIMIT],
        models_left=max(0, len(models) - TABLE_LIMIT),
        services=services[:TABLE_LIMIT],
        services_left=max(0, len(services) - TABLE_LIMIT),
    )


def _row(run: Run, now: datetime) -> RunRow:
    took_s = ((run.ended or now) - run.started).total_seconds() if run.started else None
    return RunRow(run, pages.run_page(run.workspace_id, run.experiment, run.id), took_s)


def _address(here: str, chosen: RunFilter, before: int | None) -> str:
    query = {"experiment": chosen.experiment, "status": chosen.status, "before": before}
    told = urlencode({name: value for name, value in query.items() if value is not None}, errors="replace")
    return f"{here}?{told}" if told else here
