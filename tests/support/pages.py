"""The way of a browser to the pages."""

from __future__ import annotations

import re

from amlet.domain.run import Run
from amlet.wire.pages import run_page
from support.browser import Browser
from support.wire import Wire


def page_of(run: Run) -> str:
    return run_page(run.workspace_id, run.experiment, run.id)


def origin(wire: Wire) -> str:
    return "http://{}:{}".format(*wire.address)


def ticket(wire: Wire) -> str:
    found = re.search(rb'"ticket":\s*"([^"]+)"', wire.ask("POST", "/api/tickets").body)
    assert found
    return found[1].decode()


def sign_in(browser: Browser, wire: Wire) -> Browser:
    """The browser with the owner's cookie, at the home page; what it complained of before is forgotten."""
    browser.open(f"{origin(wire)}/signin?ticket={ticket(wire)}")
    browser.until("location.pathname === '/' && document.title.startsWith('Workspaces')")
    browser.complaints.clear()
    browser.requested.clear()
    return browser
