"""A sweep's page, with a browser and without: progress, the best, trials in an order, live while it goes on."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.domain.sweep import MAXIMIZE, RANDOM, Objective, Sampling, SweepSpec
from amlet.wire.runs import SubmitRun
from amlet.wire.sweeps import SubmitSweep
from support.browser import PROGRAM, Browser, a_browser
from support.pages import origin, page_of, sign_in
from support.runs import OWN_PYTHON, finish
from support.server import RealServer
from support.wire import Wire, workspace_of

SCRIPT = """
import pathlib, sys, time
from azureml.core import Run
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
Run.get_context().log("<b>acc</b>", float(arguments["--C"]))
while not pathlib.Path(arguments["--go"]).exists():
    time.sleep(0.05)
"""
SPACE = {"C": ["uniform", [0, 1]], "<i>k</i>": ["choice", [["<script>alert(1)</script>", "b"]]]}


@pytest.fixture(scope="module")
def wire(shared_server: RealServer) -> Iterator[Wire]:
    wire = Wire(shared_server)
    yield wire
    wire.close()


def submit(server: RealServer, folder: Path, go: Path, runs: int) -> Run:
    (folder / "train.py").write_text(textwrap.dedent(SCRIPT))
    snapshot = scan(folder)
    workspace = workspace_of(server, "sweeps")
    job = Job(OWN_PYTHON, "", script="train.py", arguments=["--go", str(go)])
    spec = SweepSpec(Sampling(RANDOM, SPACE, seed=2), [Objective("<b>acc</b>", MAXIMIZE)], runs, 2)
    asked = SubmitSweep(SubmitRun("sweeps", job, snapshot.entries, f"{folder}"), spec)
    client = server.client()
    answer = submit_with_blobs(
        lambda: client.sweeps.submit(workspace, asked), client, workspace, sources_of(folder, snapshot.entries)
    )
    assert answer.run is not None
    return answer.run


def test_the_page_tells_all_without_a_browsers_help(shared_server: RealServer, wire: Wire, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.touch()
    sweep = finish(shared_server.client(), submit(shared_server, tmp_path, go, 5))

    def page(query: str = "") -> str:
        reply = wire.ask("GET", page_of(sweep) + query)
        assert reply.status == 200
        return reply.body.decode()

    text = page()
    assert re.search(r'<progress value="5" max="5"', text)
    assert "5 of 5 over, 5 Completed" in text
    assert "Best so far" in text
    assert "&lt;b&gt;acc&lt;/b&gt;" in text
    assert "<script>alert" not in text
    best_first = numbers(text)
    assert len(best_first) == 5
    assert numbers(page("?order=metric&descending=no")) == best_first[::-1]
    assert numbers(page("?order=number&descending=no")) == list("01234")
    assert numbers(page("?order=nonsense&from=x")) == list("01234")
    assert numbers(page("?order=params.C&descending=yes")) == best_first
    assert 'aria-sort="descending"' in text


def numbers(text: str) -> list[str]:
    table = html.unescape(text.partition('id="trials"')[2].partition("</section>")[0])
    return re.findall(r'<th scope="row"><a href="[^"]*">(\d+)</a>', table)


@pytest.mark.skipif(PROGRAM is None, reason="browser: no Chromium on this machine")
def test_the_page_follows_a_sweep_while_it_goes_on(shared_server: RealServer, wire: Wire, tmp_path: Path) -> None:
    go = tmp_path / "go"
    sweep = submit(shared_server, tmp_path, go, 4)
    with a_browser() as browser:
        signed_in: Browser = sign_in(browser, wire)
        signed_in.open(f"{origin(wire)}{page_of(sweep)}?order=number&descending=no")
        signed_in.until("document.querySelector('#trials strong') !== null")
        assert signed_in.value("document.querySelector('#trials progress').value") == 0
        go.touch()
        signed_in.until("document.querySelector('#trials progress').value === 4")
        signed_in.until("document.querySelectorAll('#trials tbody tr').length === 4")
        rows = "[...document.querySelectorAll('#trials tbody th a')].map((one) => one.textContent)"
        assert signed_in.value(rows) == list("0123")
        signed_in.value("document.querySelectorAll('#trials thead a')[3].click()")
        signed_in.until("location.search.includes('order=metric') && document.readyState === 'complete'")
        assert signed_in.value("document.documentElement.scrollWidth <= innerWidth")
        assert signed_in.complaints == []
