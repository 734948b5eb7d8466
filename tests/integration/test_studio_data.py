"""The pages of data: what they tell, and that no name is ever read as markup."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amlet.domain.data import MOUNT, DataPath, JobInput
from amlet.server.security import cookie_name
from amlet.wire import pages
from amlet.wire.data import RegisterDataset
from support.server import RealServer
from support.wire import Wire, ended, tokens_of, workspace_of

MARKUP = "<b onclick=alert(1)>"


@pytest.fixture
def wire(shared_server: RealServer) -> Iterator[Wire]:
    opened = Wire(shared_server)
    yield opened
    opened.close()


def page(server: RealServer, wire: Wire, path: str) -> str:
    cookie = {"Cookie": f"{cookie_name(server.url)}={tokens_of(server).for_browser()}"}
    reply = wire.ask("GET", path, token=None, headers=cookie)
    assert reply.status == 200, reply
    return reply.body.decode()


def test_a_dataset_its_versions_and_its_runs_are_shown_and_lead_to_each_other(
    shared_server: RealServer, wire: Wire
) -> None:
    server, workspace_id = shared_server, workspace_of(shared_server, "pages-of-data")
    client = server.client()
    source = DataPath("workspaceblobstore", f"{MARKUP}.csv")
    asked = RegisterDataset("file", [source], {}, MARKUP, f"of {MARKUP}", {MARKUP: MARKUP})
    record = client.datasets.register(workspace_id, asked)
    listed = page(server, wire, pages.data_page(workspace_id))
    assert pages.dataset_page(workspace_id, record.id) in listed
    assert "workspacefilestore" in listed
    from amlet.base.hashing import sha256_bytes
    from amlet.domain.artifact import Entry
    from amlet.domain.job import Job
    from amlet.wire.runs import SubmitRun
    from support.wire import USER_MANAGED

    script = b"print('never')"
    client.blobs.put(workspace_id, sha256_bytes(script), script, len(script))
    job = Job(USER_MANAGED, "", "main.py", inputs=[JobInput("given", MOUNT, dataset_id=record.id)])
    run = client.runs.submit(
        workspace_id, SubmitRun("exp", job, [Entry("main.py", sha256_bytes(script), len(script))], "pages-of-data")
    ).run
    assert run is not None
    run = ended(server, run)
    assert run.error is not None
    assert "there is no file or folder" in run.error.message
    of_run = page(server, wire, pages.run_page(workspace_id, run.experiment, run.id))
    assert pages.dataset_page(workspace_id, record.id) in of_run
    of_dataset = page(server, wire, pages.dataset_page(workspace_id, record.id))
    assert pages.run_page(workspace_id, run.experiment, run.id) in of_dataset
    assert "input given" in of_dataset
    for text in (listed, of_run, of_dataset):
        assert MARKUP not in text
