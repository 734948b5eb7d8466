"""A run's page from records: what it tells, and that no name or value is ever read as markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from amlet.domain import run as runs
from amlet.domain.artifact import Entry, tree_of
from amlet.domain.deployment import Deployment
from amlet.domain.environment import EnvironmentSpec, Package, lock_of
from amlet.domain.job import Job
from amlet.domain.metric import (
    ACCURACY_TABLE,
    CONFUSION_MATRIX,
    IMAGE,
    LIST,
    PREDICTIONS,
    ROW,
    SCALAR,
    Point,
    address_of,
)
from amlet.domain.model import Model
from amlet.domain.run import SNAPSHOT, UNCOMMITTED, Run, RunError, Stage
from amlet.domain.service import Service
from amlet.domain.workspace import Workspace
from amlet.operations.prepare import BUILD_LOG
from amlet.server.studio import compare_view
from amlet.server.studio.family import Family
from amlet.server.studio.listings import Column, Home, Listing, WorkspaceCard, asked_for
from amlet.server.studio.metric_page import MetricFacts, metric_view
from amlet.server.studio.metric_reading import Held
from amlet.server.studio.rendering import render
from amlet.server.studio.run_files import RunFiles
from amlet.server.studio.run_rows import RunRow, RunTable
from amlet.server.studio.run_view import OUTPUT_LOG, RunFacts, log_values, run_values
from amlet.server.studio.tails import Tail, no_tail
from amlet.server.studio.timeline import WIDTH, timeline
from amlet.server.studio.words import duration
from amlet.store.base import FileRecord, MetricSummary
from support.hard_strings import HARD_STRINGS
from support.studio import NOW, a_run, ago, shaped

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


def run_named(text: str, **changes: Any) -> Run:
    """A run of that name; an id has no slash."""
    return a_run(text, **{"id": "id" + text.replace("/", "|"), **changes})


def held(text: str) -> dict[str, Held]:
    """A metric of every kind."""
    run_id = run_named(text).id
    points = {
        text: [Point(text, SCALAR, text, None, 0.0)],
        text + "2": [Point(text, SCALAR, value, None, 0.0) for value in (0.5, 1.0, text)],
        text + "3": [Point(text, LIST, [text, text], None, 0.0)],
        text + "4": [Point(text, ROW, {text: text, text + "x": 1.5}, None, 0.0)],
        text + "5": [Point(text, IMAGE, address_of(run_id, text + "/image"), 1, 0.0)],
        text + "6": [Point(text, IMAGE, text, None, 0.0)],
        text + "7": [Point(text, CONFUSION_MATRIX, address_of(run_id, text + "/matrix"), None, 0.0)],
        text + "8": [Point(text, ACCURACY_TABLE, address_of(run_id, text + "/accuracy"), None, 0.0)],
        text + "9": [Point(text, PREDICTIONS, address_of(run_id, text + "/predictions"), None, 0.0)],
        text + "10": [Point(text, CONFUSION_MATRIX, address_of(run_id, text + "/wrong"), None, 0.0)],
    }
    return {name: Held(some, None, len(some)) for name, some in points.items()}


def files(text: str) -> dict[str, bytes]:
    """What `fetch` gives by hash, and by it the path."""
    line = line_of(text)
    diff = "".join(f"{begin}{line}\n" for begin in ("diff --git ", "--- ", "@@ ", "-", "+", " "))
    return {
        text: b"?",
        text + "/image": b"\x89PNG\r\n\x1a\n........",
        text + "/matrix": shaped(CONFUSION_MATRIX, text),
        text + "/accuracy": shaped(ACCURACY_TABLE, text),
        text + "/predictions": shaped(PREDICTIONS),
        text + "/wrong": b"{}",
        UNCOMMITTED: diff.encode(),
    }


def line_of(text: str) -> str:
    """The text as a line of a file can have it."""
    return text.encode("utf-8", "replace").decode().replace("\n", "|").replace("\0", "|")


def records(text: str) -> list[FileRecord]:
    return [
        *(FileRecord(path, len(content), path, None) for path, content in files(text).items()),
        FileRecord(OUTPUT_LOG, 5, None, 1),
    ]


def fetch_of(text: str) -> Any:
    content = {**files(text), "left": f"{line_of(text)}\nold\n".encode(), "right": b"new\n"}
    return lambda sha256, limit: content.get(sha256, b"")[:limit]


def summaries(metrics: dict[str, Held]) -> list[MetricSummary]:
    return [MetricSummary(name, one.points[0].kind, one.total, *[None] * 5) for name, one in metrics.items()]


def facts(text: str = "plain", run: Run | None = None, **changes: Any) -> RunFacts:
    lock = lock_of("3.8", "linux-x86_64", "", [Package(text, text)], as_of="2020-10-15", notes=[text])
    git = {f"azureml.git.{name}": text for name in ("repository_uri", "branch", "commit", "dirty")}
    found = RunFacts(
        workspace=Workspace("ws_1", text, text, text, text, {}, NOW),
        run=run or run_named(text, properties={text: text, SNAPSHOT: "tree", **git}, description=text, parent_id=text),
        job=Job(EnvironmentSpec(text, text), "snap", text, [text, text]),
        lock=lock,
        files=records(text),
        summaries=summaries(held(text)),
        metrics=held(text),
        models=[a_model(text)],
        locations={},
        family=Family(a_run(text), "/w/ws_1/e/x/r/y", RunTable([text], [a_row(text)]), more=True, all_href="/w/ws_1"),
        snapshot=tree_of([Entry(line_of(text), "left", 3), Entry(line_of(text) + "2", "left", 3)]),
    )
    return found._replace(**changes)


def a_row(text: str) -> RunRow:
    return RunRow(a_run(text), "/w/ws_1/e/x/r/y", 1.0, [text])


def a_model(text: str) -> Model:
    return Model("ws_1", text, 1, "tree", text, text, text, text, None, text, {}, {}, None, 9, NOW)


def page(found: RunFacts, output: Tail | None = None, build: Tail | None = None, text: str = "plain") -> bytes:
    logs = log_values(found.run, output or no_tail(OUTPUT_LOG), build or no_tail(BUILD_LOG))
    return render("run.html", **run_values(found, fetch_of(text), NOW), **logs)


def compared(text: str, *, runs_count: int) -> bytes:
    """The comparison of runs that differ in everything."""
    found = facts(text)
    metrics = held(text)
    sides = []
    for number in range(runs_count):
        run = run_named(text, tags={text: str(number)}, parameters={text: str(number)}, properties={"amlet.host": text})
        values = {name: one.points for name, one in metrics.items()}
        lock = lock_of("3.8", "linux-x86_64", "", [Package(text, text + str(number))])
        path = line_of(text)
        sources = [Entry(path, "right" if number else "left", 3), Entry(path + str(number), "left", 3)]
        sides.append(
            compare_view.RunFacts(
                run, found.job, lock, records(text), sources, summaries(metrics), values, metrics if number else {}
            )
        )
    shown = compare_view.Facts(found.workspace, sides, list(metrics), list(metrics))
    asked = compare_view.Asked([text] * runs_count, [])
    return render("compare.html", **compare_view.compare_values(shown, asked, fetch_of(text), NOW))


def metric_of(text: str, name: str) -> bytes:
    """The page of one metric."""
    metrics = held(text)
    run, points = run_named(text), metrics[name].points
    (summary,) = [one for one in summaries(metrics) if one.name == name]
    workspace = Workspace("ws_1", text, text, text, text, {}, NOW)
    shown = MetricFacts(workspace, run, summary._replace(name=text), metrics[name], 100, 0, points, records(text))
    view = metric_view(shown, RunFiles(run, records(text), fetch_of(text)))
    return render("metric.html", workspace=workspace, run=run, metric=view)


def every_page(text: str) -> dict[str, bytes]:
    """All pages, with the text in every field that a user or a job can fill."""
    found = facts(text)
    tail = Tail(text, text, 3, cut=True, exists=True)
    row = a_row(text)
    service = Service(
        "ws_1", text, text, Deployment([text]), 1, None, text, text, text, text, {text: text}, {}, NOW, NOW, changes=0
    )
    wrong = "? " + text
    asked = asked_for({"filter": wrong, "order": wrong}, text)
    listing = Listing(
        found.workspace,
        asked._replace(faults=[fault.__class__(fault.message + text, hint=text) for fault in asked.faults]),
        [Column(text, "/w/ws_1?order=x", "descending", right=True)],
        RunTable([text], [row]),
        "/w/ws_1?before=3",
        None,
        ["a", text],
        ["Running"],
        [text],
        found.models,
        1,
        [service, service._replace(error=None, state="Transitioning")],
        1,
    )
    return {
        "run": page(found, tail, tail, text),
        "live": render("run_live.html", **run_values(found, fetch_of(text), NOW)),
        "listing": render("listing.html", listing=listing, here="/w/ws_1"),
        "metric": metric_of(text, text + "4"),
        "files of a metric": metric_of(text, text + "5"),
        "two runs": compared(text, runs_count=2),
        "three runs": compared(text, runs_count=3),
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
    body = page(facts(run=empty, job=None, lock=None, files=[], summaries=[], metrics={}, models=[]))
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
