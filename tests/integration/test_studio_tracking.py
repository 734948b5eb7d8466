"""Pages of what runs tracked: metric kinds, children, code, filters, comparisons; in a real browser where one is."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import Entry
from amlet.domain.metric import ACCURACY_TABLE, CONFUSION_MATRIX, PREDICTIONS, RESIDUALS
from amlet.domain.run import UNCOMMITTED, Run
from amlet.wire.pages import compare_page, image, metric_page, run_page, workspace_page
from amlet.wire.runs import PutFiles, StartRun, StartRuns
from support.browser import PROGRAM, Browser, a_browser
from support.pages import origin, page_of, sign_in
from support.server import RealServer
from support.studio import shaped
from support.wire import Wire, ended, submit, workspace_of

HOSTILE = "</pre><img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>"
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89"
    b"\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82"
)
GIT = {"repository_uri": "https://example.com/x.git", "branch": "main", "commit": "c0ffee", "dirty": "True"}

SCRIPT = """
import json, pathlib, sys
from amlet.sdk import Run
run = Run.get_context()
told = json.loads(sys.argv[1])
name, factor = told["name"], told["factor"]
run.log(name + "best", 0.9 + factor / 100)
for step in range(5):
    run.log(name + "loss", factor / (step + 1), step=step)
for n in range(130):
    run.log_row(name + "rows", epoch=n, **{name + "cell": n * factor})
run.log_list(name + "list", [1, 2, 3])
run.log_table(name + "table", {"x": [1, 2], "y": ["a", name]})
pathlib.Path("picture.png").write_bytes(bytes.fromhex(told["png"]))
pathlib.Path("vector.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
run.log_image(name + "picture", path="picture.png")
run.log_image(name + "vector", path="vector.svg")
for kind, value in told["shaped"].items():
    getattr(run, "log_" + kind)(name + kind, value)
"""


@pytest.fixture(scope="module")
def wire(shared_server: RealServer) -> Iterator[Wire]:
    wire = Wire(shared_server)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def workspace_id(shared_server: RealServer) -> str:
    return workspace_of(shared_server, "tracking")


def tracked(server: RealServer, workspace_id: str, factor: float, *, name: str = "", script: str = SCRIPT) -> Run:
    """A run that logged every metric kind under this name."""
    contents = {
        kind: shaped(kind, name or "setosa").decode()
        for kind in (CONFUSION_MATRIX, ACCURACY_TABLE, RESIDUALS, PREDICTIONS)
    }
    told = json.dumps({"name": name, "factor": factor, "png": PNG.hex(), "shaped": contents})
    marks = {"tags": {"team" + name: "vision" + name}, "display_name": f"run {factor} {name}"}
    properties = {f"azureml.git.{key}": value + name for key, value in GIT.items()}
    run = submit(server, workspace_id, script, experiment="kinds", arguments=[told], properties=properties, **marks)
    run = ended(server, run)
    assert run.status == "Completed", run.error
    return run


@pytest.fixture(scope="module")
def runs(shared_server: RealServer, workspace_id: str) -> list[Run]:
    """Three that differ; the first has a child and a diff."""
    other = SCRIPT + "print('another line')\n"
    found = [
        tracked(shared_server, workspace_id, 1),
        tracked(shared_server, workspace_id, 2),
        tracked(shared_server, workspace_id, 3, script=other),
    ]
    client = shared_server.client()
    child = StartRun("kinds", "child-1", display_name="the child", parent_id=found[0].id)
    client.runs.start(workspace_id, StartRuns([child]))
    diff = b"diff --git a/x.py b/x.py\n@@ -1 +1 @@\n-old line\n+new line\n"
    client.blobs.put(workspace_id, sha256_bytes(diff), diff, len(diff))
    entry = Entry(UNCOMMITTED, sha256_bytes(diff), len(diff))
    client.runs.put_files(workspace_id, found[0].id, PutFiles([entry]))
    return found


def text_of(wire: Wire, target: str, *, status: int = 200) -> str:
    reply = wire.ask("GET", target)
    assert reply.status == status, reply.body
    return html.unescape(reply.body.decode())


# The run's page


def test_a_runs_page_shows_every_metric_kind_its_code_and_its_child(wire: Wire, runs: list[Run]) -> None:
    body = text_of(wire, page_of(runs[0]))
    assert body.count('class="chart"') == 2  # the series and the list
    assert body.count('<svg class="plot') == 4  # ROC, precision and recall, residuals, predictions
    assert body.count('<table class="confusion"') == 1
    assert body.count('class="logged"') == 1
    for told in ("setosa", "true positive rate", "no PNG, JPEG, GIF or WebP", "https://example.com/x.git", "c0ffee"):
        assert told in body, told
    assert '<span class="line gone">-old line</span>' in body
    assert "main.py" in body
    assert "the child" in body
    assert "Child of" in text_of(wire, run_page(runs[0].workspace_id, "kinds", "child-1"))


def test_all_links_of_a_runs_page_lead_somewhere(wire: Wire, runs: list[Run]) -> None:
    body = wire.ask("GET", page_of(runs[0])).body.decode()
    links = {html.unescape(link) for link in re.findall(r'(?:href|src)="(/[^"#]*)"(?! data-log-link hidden)', body)}
    assert len(links) > 25
    assert [link for link in links if wire.ask("GET", link).status != 200] == []


def test_rows_are_paged_on_the_page_of_their_metric(wire: Wire, runs: list[Run]) -> None:
    first = text_of(wire, metric_page(runs[1].workspace_id, "kinds", runs[1].id, "rows"))
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following
    second = text_of(wire, following[1])
    assert first.count("<tr>") == 1 + 100
    assert second.count("<tr>") == 1 + 30
    assert ">258<" in second
    assert 'rel="prev"' in second
    assert 'rel="next"' not in second
    text_of(wire, metric_page(runs[1].workspace_id, "kinds", runs[1].id, "none"), status=404)
    text_of(wire, metric_page(runs[1].workspace_id, "kinds", runs[1].id, "rows") + "&from=x", status=400)


def test_only_images_that_browsers_know_are_shown_inline(wire: Wire, runs: list[Run]) -> None:
    run = runs[0]
    target = image(run.workspace_id, "kinds", run.id, "picture.png")
    reply = wire.ask("GET", target)
    headers = reply.headers
    assert (reply.status, reply.body, headers["content-type"]) == (200, PNG, "image/png")
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert wire.ask("GET", target, headers={"If-None-Match": headers["etag"]}).status == 304
    for path in ("vector.svg", CONFUSION_MATRIX):
        refused = wire.ask("GET", image(run.workspace_id, "kinds", run.id, path))
        assert (refused.status, b"<script>alert" in refused.body) == (400, False)
    for path in ("none.png", "../../etc/passwd", ""):
        assert wire.ask("GET", image(run.workspace_id, "kinds", run.id, path)).status == 404
    assert wire.ask("GET", target, token=None).status == 401
    assert wire.ask("GET", target, headers={"Host": "evil.example"}).status == 403
    raw = wire.ask("GET", f"/api/workspaces/{run.workspace_id}/runs/{run.id}/file?path=picture.png")
    assert raw.headers["content-disposition"] == "attachment"


# The list


def test_a_list_is_filtered_and_ordered_by_metrics(wire: Wire, runs: list[Run], workspace_id: str) -> None:
    def shown(**query: str) -> list[str]:
        body = text_of(wire, f"{workspace_page(workspace_id)}?{urlencode(query)}")
        return re.findall(r">(run [\d.]+ |the child)</a>", body)

    assert shown(filter="metrics.best > 0.915", order="metrics.best") == ["run 2 ", "run 3 "]
    assert shown(filter="tags.team = 'vision'", order="metrics.loss desc") == ["run 3 ", "run 2 ", "run 1 "]
    assert shown(filter=f"parent = '{runs[0].id}'", children="yes") == ["the child"]
    assert shown(filter=f"parent = '{runs[0].id}'") == []
    body = text_of(wire, f"{workspace_page(workspace_id)}?{urlencode({'filter': 'metrics.loss > 0'})}")
    assert re.findall(r'href="[^"]*order=metrics.(\w+)\+desc">', body)[0] == "loss"


def test_a_wrong_filter_is_shown_with_its_place_and_the_list_stays(
    wire: Wire, runs: list[Run], workspace_id: str
) -> None:
    body = text_of(wire, f"{workspace_page(workspace_id)}?filter={quote('metric.best > 1')}", status=400)
    assert "    metric.best > 1\n    ^" in body
    assert 'did you mean "metrics"' in body
    assert 'value="metric.best > 1"' in body
    assert "run 1 </a>" in body


# Comparisons


def test_two_runs_are_compared_as_the_command_line_does(wire: Wire, runs: list[Run], workspace_id: str) -> None:
    body = text_of(wire, compare_page(workspace_id, [runs[0].id, runs[2].id]))
    assert "<span class=\"line added\">+print('another line')</span>" in body
    assert "(arguments without a name)" in body
    for name in ("best", "loss", "rows", "list", "table", "picture", "vector", CONFUSION_MATRIX, PREDICTIONS):
        assert f'<span class="iso">{name}</span></label>' in body, name


@pytest.mark.parametrize("ids", [[], ["child-1"], ["child-1", "child-1"], [f"r{n}" for n in range(30)]])
def test_a_comparison_of_too_few_or_too_many_runs_says_so(ids: list[str], wire: Wire, workspace_id: str) -> None:
    assert "from 2 to" in text_of(wire, compare_page(workspace_id, ids), status=400)


def test_a_comparison_with_a_run_that_is_not_there_says_so(wire: Wire, runs: list[Run], workspace_id: str) -> None:
    assert "none" in text_of(wire, compare_page(workspace_id, [runs[0].id, "none"]), status=404)
    assert wire.ask("GET", compare_page("nowhere", [runs[0].id, runs[1].id])).status == 404


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if PROGRAM is None:
        pytest.skip("no Chromium on this machine")
    with a_browser() as browser:
        yield browser


@pytest.fixture
def signed_in(browser: Browser, wire: Wire) -> Browser:
    return sign_in(browser, wire)


def test_a_browser_draws_every_metric_kind(signed_in: Browser, wire: Wire, runs: list[Run]) -> None:
    signed_in.open(origin(wire) + page_of(runs[0]))
    signed_in.until("document.querySelector('img.logged') !== null")
    signed_in.value("document.querySelector('img.logged').scrollIntoView()")
    signed_in.until("[...document.querySelectorAll('img.logged')].some((one) => one.naturalWidth === 1)")
    boxes = "[...document.querySelectorAll('svg.plot')].map((one) => one.getBoundingClientRect().height)"
    assert all(height > 100 for height in signed_in.value(boxes))
    assert signed_in.value("document.querySelectorAll('svg.plot polyline').length") >= 8
    colours = "[...document.querySelectorAll('.confusion td')].map((one) => getComputedStyle(one).backgroundColor)"
    assert len(set(signed_in.value(colours))) > 2
    assert signed_in.complaints == []


def test_runs_ticked_in_the_list_are_compared_and_every_metric_can_be_chosen(
    signed_in: Browser, wire: Wire, runs: list[Run], workspace_id: str
) -> None:
    here = f"{workspace_page(workspace_id)}?order=metrics.best"
    signed_in.open(origin(wire) + here)
    signed_in.until(f"location.pathname + location.search === {here!r} && document.readyState === 'complete'")
    signed_in.until("document.querySelector('#compare button').disabled")
    for run in runs:
        signed_in.value(f"document.querySelector('input[value=\"{run.id}\"]').click()")
    assert signed_in.value("document.querySelector('[data-count]').textContent") == "3 runs."
    signed_in.value("document.querySelector('#compare button').click()")
    signed_in.until("location.pathname.endsWith('/compare') && document.readyState === 'complete'")
    assert signed_in.value("document.querySelector('h1').textContent") == "3 runs compared"
    assert signed_in.value("document.querySelectorAll('.overlays svg polyline').length") == 6  # the series and the list
    asked = signed_in.value("[...document.querySelectorAll('.choose input[name=metric]')].map((one) => one.value)")
    assert {"best", "loss", "rows", "list", "table", "picture", CONFUSION_MATRIX} <= set(asked)
    signed_in.value("document.querySelectorAll('.choose input[name=metric]').forEach((one) => { one.checked = true; })")
    signed_in.value("document.querySelector('.choose form').requestSubmit()")
    signed_in.until("document.querySelectorAll('.overlays figure').length > 8 && document.readyState === 'complete'")
    signed_in.until("document.querySelectorAll('.confusion').length === 3")
    signed_in.value("document.querySelector('img.logged').scrollIntoView()")
    signed_in.until("[...document.querySelectorAll('img.logged')].every((one) => one.naturalWidth === 1)")
    assert signed_in.value("document.documentElement.scrollWidth <= innerWidth")
    assert signed_in.complaints == []


def test_hostile_names_run_nothing_on_any_page_of_what_was_tracked(
    signed_in: Browser, wire: Wire, shared_server: RealServer
) -> None:
    workspace_id = workspace_of(shared_server, "hostile")
    runs = [tracked(shared_server, workspace_id, factor, name=HOSTILE) for factor in (1, 2)]
    client = shared_server.client()
    child = StartRun("kinds", "child-2", display_name=HOSTILE, parent_id=runs[0].id, description=HOSTILE)
    client.runs.start(workspace_id, StartRuns([child]))
    wrong = urlencode({"filter": HOSTILE, "order": HOSTILE})
    targets = [
        page_of(runs[0]),
        run_page(workspace_id, "kinds", "child-2"),
        f"{workspace_page(workspace_id)}?{urlencode({'order': 'metrics.' + json.dumps(HOSTILE + 'best')})}",
        f"{workspace_page(workspace_id)}?{wrong}",
        compare_page(workspace_id, [run.id for run in runs]),
        compare_page(workspace_id, [run.id for run in runs])
        + "".join(f"&metric={quote(HOSTILE + name)}" for name in ("rows", "picture", "vector", CONFUSION_MATRIX)),
        *(
            metric_page(workspace_id, "kinds", runs[0].id, HOSTILE + name)
            for name in ("loss", "rows", "table", "picture", ACCURACY_TABLE)
        ),
    ]
    for target in targets:
        signed_in.open(origin(wire) + target)
        signed_in.until(
            f"location.pathname + location.search === {json.dumps(target)}.replaceAll(\"'\", '%27')"
            " && document.readyState === 'complete'"
        )
        found = "document.querySelectorAll('main img:not(.logged), main script, [onload], [onerror]').length"
        assert signed_in.value(found) == 0, target
        assert "onerror=alert(1)" in signed_in.value("document.querySelector('main').textContent"), target
    refusals = [complaint for complaint in signed_in.complaints if "400 (Bad Request)" not in complaint]
    assert refusals == []
    assert all(url.startswith((origin(wire), "data:")) for url in signed_in.requested), signed_in.requested
