"""The page of a service: how it is, what it has answered, its log; and that no name is ever read as markup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.domain.deployment import ENDPOINT, Deployment
from amlet.server.security import cookie_name
from amlet.wire import pages
from amlet.wire.services import DeployService
from support.server import RealServer, until
from support.services import Place, ask
from support.wire import Wire, tokens_of, workspace_of

SCRIPT = """
def init():
    print("<b>ready</b>")
def run(data):
    return data
"""


@pytest.fixture
def wire(shared_server: RealServer) -> Iterator[Wire]:
    opened = Wire(shared_server)
    yield opened
    opened.close()


def _with(text: str, part: str) -> str:
    return text if part in text else ""


def test_a_service_shows_its_state_what_it_answered_and_its_log(
    shared_server: RealServer, wire: Wire, tmp_path: Path
) -> None:
    cookie = {"Cookie": f"{cookie_name(shared_server.url)}={tokens_of(shared_server).for_browser()}"}
    workspace_id = workspace_of(shared_server, "pages-of-services")
    place = Place(shared_server, workspace_id, tmp_path)

    def page(path: str) -> str:
        reply = wire.ask("GET", path, token=None, headers=cookie)
        assert reply.status == 200, reply
        return reply.body.decode()

    place.deploy("shown", SCRIPT, description="<i>of words</i>")
    address = place.settled("shown").address
    for _ in range(7):
        assert ask(address)[0] == 200
    assert pages.service_page(workspace_id, "shown") in page(pages.workspace_page(workspace_id))
    told = until(
        lambda: _with(page(pages.service_page(workspace_id, "shown")), '<dd class="num">7</dd>'),
        what="seven answers on the page",
        seconds=30,
    )
    assert "Healthy" in told and "Time to an answer" in told and f"{address}/score" in told
    assert "&lt;b&gt;ready&lt;/b&gt;" in told and "<i>of words" not in told

    shared_server.client().services.deploy(workspace_id, DeployService("split", Deployment(kind=ENDPOINT)))
    place.deploy("split", SCRIPT, version="blue")
    place.settled("split", version="blue")
    assert "Version blue" in page(pages.service_page(workspace_id, "split"))
    assert wire.ask("GET", pages.service_page(workspace_id, "nowhere"), token=None, headers=cookie).status == 404
    place.delete("shown")
    shared_server.client().services.delete(workspace_id, "split")
