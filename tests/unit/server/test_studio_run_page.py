"""A run's page from records: what it tells, and that no name or value is ever read as markup."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pytest

from amlet.domain import run as runs
from amlet.domain.environment import EnvironmentSpec, Package, lock_of
from amlet.domain.job import Job
from amlet.domain.metric import LIST, ROW, SCALAR, Point
from amlet.domain.model import Model
from amlet.domain.run import Run, RunError, RunWarning, Stage
from amlet.domain.service import Service
from amlet.domain.workspace import Workspace
from amlet.operations.prepare import BUILD_LOG
from amlet.server.studio.listings import Home, Listing, RunRow, WorkspaceCard, run_filter
from amlet.server.studio.rendering import render
from amlet.server.studio.run_view import OUTPUT_LOG, RunFacts, log_values, run_values
from amlet.server.studio.tails import Tail, no_tail
from amlet.server.studio.timeline import WIDTH, timeline
from amlet.server.studio.words import duration
from amlet.store.base import FileRecord, MetricSummary
from support.hard_strings import HARD_STRINGS

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)

SCRIPTS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    '" autofocus onfocus="alert(1)',
    "x' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</pre><iframe srcdoc='<script>alert(1)</script>'>",
    "</title><script>alert(1)</script>",
    "</textarea></select></style><body onload=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "]]><x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "{{7*7}}{% include '/etc/passwd' %}${7*7}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example>",
    "\u202e<b>",
    "`onerror=alert(1)`",
)


class Structure(HTMLParser):
    """What a page is but its words: tags and the names of attributes, in order; and the addresses it leads to."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "data-api")]

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(("/" + tag,))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment",))

    def handle_data(self, data: str) -> None:
        self.text += data


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def a_run(text: str = "plain", **changes: Any) -> Run:
    run = Run(
        workspace_id="ws_1",
        id=text,
        experiment=text,
        number=3,
        type=runs.SCRIPT_RUN,
        status=runs.RUNNING,
        display_name=text,
        target=text,
        attempt=2,
        tags={text: text, "none": None},
        properties={text: text},
        stages=[Stage(text, ago(60), ago(50), text), Stage("run", ago(50), None, text)],
        warnings=[RunWarning(text, text)],
        error=RunError(text, text, text, text, 1),
        waiting_for=text,
        lock_id="lock",
        created=ago(60),
        started=ago(50),
        ended=None,
        revision=7,
    )
    return run._replace(**changes)


def facts(text: str = "plain", run: Run | None = None, **changes: Any) -> RunFacts:
    lock = lock_of("3.8", "linux-x86_64", "", [Package(text, text)], as_of="2020-10-15", notes=[text])
    points = {
        text: [Point(text, SCALAR, text, None, 0.0)],
        text + "2": [Point(text, SCALAR, value, None, 0.0) for value in (0.5, 1.0, text)],
        text + "3": [Point(text, LIST, [text, text], None, 0.0)],
        text + "4": [Point(text, ROW, {text: text, text + "x": 1.5}, None, 0.0)],
    }
    found = RunFacts(
        workspace=Workspace("ws_1", text, text, text, text, {}, NOW),
        run=run or a_run(text),
        job=Job(EnvironmentSpec(text, text), "snap", text, [text, text]),
        lock=lock,
        files=[FileRecord(text, 12_345, "a" * 64, None), FileRecord(OUTPUT_LOG, 5, None, 1)],
        summaries=[MetricSummary(name, SCALAR, len(held), *[None] * 5) for name, held in points.items()],
        points=points,
        models=[a_model(text)],
        locations={},
    )
    return found._replace(**changes)


def a_model(text: str) -> Model:
    return Model("ws_1", text, 1, "tree", text, text, text, text, None, text, {}, {}, None, 9, NOW)


def page(found: RunFacts, output: Tail | None = None, build: Tail | None = None) -> bytes:
    logs = log_values(found.run, output or no_tail(OUTPUT_LOG), build or no_tail(BUILD_LOG))
    return render("run.html", **run_values(found, NOW), **logs)


def every_page(text: str) -> dict[str, bytes]:
    """All pages, with the text in every field that a user or a job can fill."""
    found = facts(text)
    tail = Tail(text, text, 3, cut=True, exists=True)
    row = RunRow(found.run, "/w/ws_1/e/x/r/y", 1.0)
    service = Service(
        "ws_1", text, text, [text], 1, None, None, text, text, text, text, {text: text}, {}, NOW, NOW, changes=0
    )
    listing = Listing(
        found.workspace,
        run_filter({}, text),
        [row],
        "/w/ws_1?before=3",
        None,
        ["a", text],
        ["Running"],
        found.models,
        1,
        [service, service._replace(error=None, state="Transitioning")],
        1,
    )
    return {
        "run": page(found, tail, tail),
        "live": render("run_live.html", **run_values(found, NOW)),
        "listing": render("listing.html", listing=listing, here="/w/ws_1"),
        "home": render("home.html", home=Home([WorkspaceCard(found.workspace, "/w/ws_1", [row])], [found.workspace])),
        "error": render("error.html", title=text, status=404, message=text, hint=text),
        "sign in": render("sign_in.html", then=text, fault=text),
        "go on": render("go_on.html", then=text),
    }


PLAIN = {name: Structure(body) for name, body in every_page("plain").items()}


@pytest.mark.parametrize("text", SCRIPTS + tuple(text for text in HARD_STRINGS if text))
def test_no_text_changes_what_a_page_is_made_of(text: str) -> None:
    for name, body in every_page(text).items():
        assert Structure(body).tags == PLAIN[name].tags, name


@pytest.mark.parametrize("text", SCRIPTS)
def test_every_address_that_holds_a_name_stays_on_this_server(text: str) -> None:
    for name, body in every_page(text).items():
        if name != "go on":  # what it is given is checked where it comes in
            assert all(re.match(r"/(?!/)|#", address) for address in Structure(body).addresses), name


def test_pages_have_no_script_style_or_handler_of_their_own() -> None:
    for structure in PLAIN.values():
        for tag, *attributes in structure.tags:
            assert tag != "style"
            assert tag != "script" or "src" in attributes
            assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_a_runs_page_tells_what_it_is_and_how_it_goes() -> None:
    run = a_run(
        id="iris_1_ab",
        display_name="iris_1_ab",
        experiment="iris",
        stages=[Stage("prepare", ago(60), ago(59.7), "cache hit"), Stage("run", ago(59), None)],
        error=None,
    )
    text = Structure(page(facts(run=run))).text
    for told in ("iris_1_ab", "Running", "cache hit", "300 ms", "59.0 s", "Python 3.8, 1 packages as of 2020-10-15"):
        assert told in text, told


def test_a_failed_run_tells_its_error_with_the_traceback() -> None:
    error = RunError("UserError", "ValueError: no", "ValueError", "Traceback (most recent call last):\n  File", 3)
    text = Structure(page(facts(run=a_run(status=runs.FAILED, ended=NOW, error=error)))).text
    assert "ValueError: no" in text
    assert "Traceback (most recent call last)" in text
    assert "exit code 3" in text


def test_a_run_without_job_lock_or_stages_has_a_page() -> None:
    empty = a_run(stages=[], tags={}, properties={}, warnings=[], error=None, started=None, status=runs.NOT_STARTED)
    body = page(facts(run=empty, job=None, lock=None, files=[], summaries=[], points={}, models=[]))
    assert "None logged yet." in Structure(body).text


def test_values_of_environment_variables_are_not_on_the_page() -> None:
    spec = EnvironmentSpec("env", variables={"PASSWORD": "hunter2"})
    job = Job(spec, "snap", "train.py", variables={"API_KEY": "hunter2"}, definition={"x": "hunter2"})
    assert b"hunter2" not in page(facts(job=job))


def test_a_command_is_shown_as_one_would_type_it() -> None:
    job = Job(EnvironmentSpec("env"), "snap", "train.py", ["--name", "two words"])
    assert "train.py --name 'two words'" in Structure(page(facts(job=job))).text
    assert "make | tee x" in Structure(page(facts(job=job._replace(command="make | tee x")))).text


def test_the_build_log_is_open_while_it_is_what_happens() -> None:
    build = Tail(BUILD_LOG, "Resolving", 9, cut=False, exists=True)
    output = Tail(OUTPUT_LOG, "hi", 2, cut=False, exists=True)
    assert log_values(a_run(status=runs.PREPARING), no_tail(OUTPUT_LOG), build)["build_open"]
    assert log_values(a_run(status=runs.FAILED), no_tail(OUTPUT_LOG), build)["build_open"]
    assert not log_values(a_run(status=runs.RUNNING), output, build)["build_open"]
    assert not log_values(a_run(status=runs.FAILED), output, build)["build_open"]


def test_stages_follow_each_other_on_one_line_and_short_ones_can_be_seen() -> None:
    stages = [Stage("submit", ago(100), ago(99.99)), Stage("run", ago(99.99), ago(1)), Stage("finish", ago(1), ago(0))]
    bars = timeline(a_run(status=runs.COMPLETED, stages=stages, ended=NOW), NOW)
    assert [bar.name for bar in bars] == ["submit", "run", "finish"]
    assert all(bar.width > 0 and bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in bars)
    assert bars[1].seconds == pytest.approx(98.99)
    assert not any(bar.going for bar in bars)


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    stages = [Stage("submit", ago(10), ago(20)), Stage("run", ago(-50), None)]
    bars = timeline(a_run(stages=stages), NOW)
    assert all(bar.seconds >= 0 and 0 <= bar.x <= bar.x + bar.width <= WIDTH for bar in bars)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 ms"), (0.012, "12 ms"), (0.9999, "1.0 s"), (39.94, "39.9 s"), (59.99, "1 min 0 s"), (3661, "1 h 1 min")],
)
def test_durations_are_told_with_what_matters_of_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
