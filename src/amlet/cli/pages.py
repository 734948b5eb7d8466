"""Addresses of pages, and links that sign a browser in without showing it the token."""

from __future__ import annotations

from amlet.domain.run import Run
from amlet.sdk.connection import Connection
from amlet.wire import pages


def run_address(held: Connection, run: Run) -> str:
    """The address of a run's page."""
    return held.page(pages.run_page(held.workspace_id, run.experiment, run.id))


def signed_in(held: Connection, run: Run | None = None) -> str:
    """A link that opens a run's page, or the first one, signed in: good once, for some minutes."""
    then = pages.run_page(held.workspace_id, run.experiment, run.id) if run else pages.HOME
    ticket = held.client.server.ticket().ticket
    return held.page(pages.sign_in_page(ticket=ticket, then=then))
