"""The pages of a real server: who may see them, what protects them, what they tell; in a real browser where one is."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import Entry
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.server.studio.access import WRONG_TOKEN_S
from amlet.server.studio.listings import PAGE_RUNS
from amlet.server.studio.run_view import OUTPUT_LOG
from amlet.wire.pages import experiment_page, run_page, workspace_page
from amlet.wire.runs import SubmitRun
from support.browser import PROGRAM, Browser, a_browser
from support.pages import origin, page_of, sign_in, ticket
from support.server import RealServer
from support.wire import Reply, Wire, ended, submit, workspace_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HOSTILE = "</pre><img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>"

SCRIPT = """
import pathlib
from amlet.sdk import Run
run = Run.get_context()
run.log("accuracy", 0.97368)
for step in range(5):
    run.log("loss", 1 / (step + 1), step=step)
run.log_row("confusion", setosa=13, versicolor=0)
pathlib.Path("outputs/notes & <b>.txt").write_text("kept")
print("hello from the script")
"""
WAITING = """
import pathlib, sys, time
from amlet.sdk import Run
run = Run.get_context()
run.log("first", 1.5)
print("line one", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
run.log("second", 2.5)
print("line two \\u8868 <b>not bold</b>", flush=True)
"""


@pytest.fixture(scope="module")
def wire(shared_server: RealServer) -> Iterator[Wire]:
    wire = Wire(shared_server)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def workspace_id(shared_server: RealServer) -> str:
    return workspace_of(shared_server, "studio")


@pytest.fixture(scope="module")
def run(shared_server: RealServer, workspace_id: str) -> Run:
    return ended(shared_server, submit(shared_server, workspace_id, SCRIPT, experiment="pages", tags={"stage": "dev"}))


def post(wire: Wire, target: str, *, headers: dict[str, str] | None = None, **fields: str) -> Reply:
    given = {"Origin": origin(wire), "Content-Type": "application/x-www-form-urlencoded"}
    sent = given if headers is None else headers
    return wire.ask("POST", target, token=None, headers=sent, body=urlencode(fields).encode())


def cookie_of(reply: Reply) -> str:
    return reply.headers["set-cookie"].partition(";")[0]


# Signing in


def test_without_a_cookie_a_page_leads_to_sign_in_and_back(wire: Wire, run: Run) -> None:
    target = page_of(run) + "?x=1"
    reply = wire.ask("GET", target, token=None)
    assert (reply.status, reply.headers["location"]) == (303, "/signin?next=" + quote(target, safe="/"))
    form = wire.ask("GET", reply.headers["location"], token=None)
    assert form.status == 200
    assert f'name="next" value="{html.escape(target)}"' in form.body.decode()
    assert "amlet studio" in form.body.decode()


def test_a_ticket_becomes_a_strict_cookie_once(wire: Wire, run: Run) -> None:
    target = f"/signin?ticket={ticket(wire)}&next={page_of(run)}"
    reply = wire.ask("GET", target, token=None)
    attributes = reply.headers["set-cookie"].lower()
    assert reply.status == 200
    assert all(word in attributes for word in ("httponly", "samesite=strict", "path=/"))
    assert f"url={page_of(run)}" in reply.body.decode()
    cookie = {"Cookie": cookie_of(reply)}
    assert wire.ask("GET", page_of(run), token=None, headers=cookie).status == 200

    again = wire.ask("GET", target, token=None)
    assert (again.status, "set-cookie" in again.headers) == (401, False)
    assert "used before" in again.body.decode()
    # One who is signed in loads the link again: the page opens.
    assert wire.ask("GET", target, token=None, headers=cookie).status == 303


def test_a_link_preview_does_not_spend_a_ticket(wire: Wire) -> None:
    target = f"/signin?ticket={ticket(wire)}"
    assert "set-cookie" not in wire.ask("HEAD", target, token=None).headers
    assert "set-cookie" in wire.ask("GET", target, token=None).headers


@pytest.mark.parametrize("bad", ["x", "a.b", "é", "." * 300, "'><script>"])
def test_a_ticket_that_is_none_is_refused(bad: str, wire: Wire) -> None:
    reply = wire.ask("GET", "/signin?ticket=" + quote(bad), token=None)
    assert (reply.status, "set-cookie" in reply.headers) == (401, False)


@pytest.mark.parametrize("then", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_site(then: str, wire: Wire, shared_server: RealServer) -> None:
    opened = wire.ask("GET", f"/signin?{urlencode({'ticket': ticket(wire), 'next': then})}", token=None)
    assert "url=/" in opened.body.decode()
    assert "evil" not in opened.body.decode()
    assert "javascript:" not in opened.body.decode()
    told = post(wire, "/signin", token=shared_server.token, next=then)
    assert (told.status, told.headers["location"]) == (303, "/")


def test_the_token_signs_in_and_is_not_what_the_cookie_holds(wire: Wire, shared_server: RealServer) -> None:
    reply = post(wire, "/signin", token=shared_server.token, next="/")
    assert reply.status == 303
    assert shared_server.token not in str(reply)
    assert wire.ask("GET", "/", token=None, headers={"Cookie": cookie_of(reply)}).status == 200


def test_a_wrong_token_is_refused_slowly(wire: Wire) -> None:
    began = time.monotonic()
    reply = post(wire, "/signin", token="wrong", next="/w/x")
    assert time.monotonic() - began >= WRONG_TOKEN_S
    assert (reply.status, "set-cookie" in reply.headers) == (401, False)
    assert "wrong" not in reply.body.decode()


@pytest.mark.parametrize("target", ["/signin", "/signout"])
@pytest.mark.parametrize("sent", [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}])
def test_a_form_of_another_site_is_refused(
    target: str, sent: dict[str, str], wire: Wire, shared_server: RealServer
) -> None:
    reply = post(wire, target, headers=sent, token=shared_server.token)
    assert (reply.status, "set-cookie" in reply.headers) == (403, False)


def test_a_form_over_its_limit_is_refused(wire: Wire) -> None:
    assert post(wire, "/signin", token="x" * 100_000).status == 413


def test_signing_out_takes_the_cookie_back(wire: Wire) -> None:
    reply = post(wire, "/signout")
    assert (reply.status, reply.headers["location"]) == (303, "/signin")
    assert "max-age=0" in reply.headers["set-cookie"].lower()


def test_a_link_from_another_site_is_followed_from_a_page_of_ours(wire: Wire, run: Run) -> None:
    reply = wire.ask("GET", page_of(run), token=None, headers={"Sec-Fetch-Site": "cross-site"})
    assert reply.status == 200
    assert f"url={page_of(run)}" in reply.body.decode()
    assert "set-cookie" not in reply.headers


# What protects the pages


def test_every_page_bears_the_headers_that_protect_it(wire: Wire, run: Run) -> None:
    targets = ["/", workspace_page(run.workspace_id), experiment_page(run.workspace_id, run.experiment), page_of(run)]
    for target in [*targets, page_of(run) + "/live", "/signin", "/signin?ticket=x", "/no/such/page", "/w/none"]:
        for token in ("", None):
            reply = wire.ask("GET", target, token=token)
            headers = reply.headers
            assert headers["content-security-policy"] == POLICY, target
            assert headers["x-content-type-options"] == "nosniff", target
            assert headers["referrer-policy"] in ("no-referrer", "same-origin"), target
            assert headers["cache-control"] == "no-store", target


def test_assets_are_kept_for_ever_and_change_their_path(wire: Wire) -> None:
    body = wire.ask("GET", "/").body.decode()
    paths = re.findall(r'(?:href|src)="(/assets/[^"]+)"', body)
    assert {path.rpartition(".")[2] for path in paths} == {"svg", "css", "js"}
    for path in paths:
        reply = wire.ask("GET", path, token=None)
        assert (reply.status, reply.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert reply.headers["x-content-type-options"] == "nosniff"
    for wrong in ("/assets/0/studio.css", paths[0] + ".map", "/assets/..%2f..%2fpages.py"):
        assert wire.ask("GET", wrong, token=None).status in (303, 404), wrong
    modules = Path(__file__).parents[2] / "src/amlet/server/studio/static"
    named = re.findall(r'from "\./([\w.]+)"', "".join(file.read_text() for file in modules.glob("*.js")))
    assert named
    for name in named:
        found = wire.ask("GET", f"{paths[0].rpartition('/')[0]}/{name}", token=None)
        assert (found.status, found.headers["content-type"]) == (200, "text/javascript; charset=utf-8")


def test_no_page_or_asset_answers_for_another_host(wire: Wire, run: Run) -> None:
    asset = re.search(r'href="(/assets/[^"]+css)"', wire.ask("GET", "/").body.decode())
    assert asset
    for target in ("/", page_of(run), page_of(run) + "/live", "/signin", asset[1], "/no/such/page"):
        assert wire.ask("GET", target, headers={"Host": "evil.example"}).status == 403
        assert wire.ask("GET", target, headers={"Origin": "https://evil.example"}).status == 403


@pytest.mark.parametrize(
    "target", ["/no/such/page", "/w/none", "/w/none/e/x/r/y", "/%3Cscript%3Ealert(1)%3C/script%3E"]
)
def test_an_address_of_nothing_is_a_small_page_that_says_so(target: str, wire: Wire) -> None:
    reply = wire.ask("GET", target)
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"<script>alert" not in reply.body
    assert b"Not Found" in reply.body


def test_an_unknown_address_of_the_api_is_told_as_the_api_does(wire: Wire) -> None:
    reply = wire.ask("GET", "/api/no/such/route")
    assert (reply.status, reply.error["code"]) == (404, "not_found")


def test_the_changing_part_of_a_page_is_refused_without_a_cookie(wire: Wire, run: Run) -> None:
    assert wire.ask("GET", page_of(run) + "/live", token=None).status == 401


# What they tell


def test_a_runs_page_tells_its_life_its_metrics_its_files_and_its_log(wire: Wire, run: Run) -> None:
    body = html.unescape(wire.ask("GET", page_of(run)).body.decode())
    for told in ("Completed", "submit", "finish", "accuracy", "0.97368", "loss", "setosa", "hello from the script"):
        assert told in body, told
    assert body.count('class="chart"') == 1
    # A log that is not there has a hidden link: it may still come.
    shown = r'href="(/api/[^"]+/file\?path=[^"]+)"(?! data-log-link hidden)'
    links = re.findall(shown, wire.ask("GET", page_of(run)).body.decode())
    missed = [link for link in links if wire.ask("GET", html.unescape(link)).status != 200]
    assert missed == []
    (notes,) = [link for link in links if "notes" in link]
    reply = wire.ask("GET", html.unescape(notes))
    assert (reply.body, reply.headers["content-disposition"]) == (b"kept", "attachment")


def test_a_run_is_shown_below_its_own_experiment_alone(wire: Wire, run: Run) -> None:
    reply = wire.ask("GET", run_page(run.workspace_id, "other", run.id))
    assert (reply.status, reply.headers["location"]) == (303, page_of(run))
    other = workspace_of_another(wire)
    assert wire.ask("GET", run_page(other, run.experiment, run.id)).status == 404


def workspace_of_another(wire: Wire) -> str:
    told = {"subscription_id": "sub", "resource_group": "group", "name": "another"}
    found = re.search(rb'"id":\s*"([^"]+)"', wire.ask("POST", "/api/workspaces", body=told).body)
    assert found
    return found[1].decode()


def test_runs_are_filtered_and_paged(shared_server: RealServer, wire: Wire) -> None:
    workspace_id = workspace_of(shared_server, "many-runs")
    client = shared_server.client()
    data = b"pass"
    client.blobs.put(workspace_id, sha256_bytes(data), data, len(data))
    # No such interpreter: these runs fail before they reach a node.
    job = Job(EnvironmentSpec("env", user_managed=True, interpreter="/nowhere/python"), "", script="main.py")
    for number in range(PAGE_RUNS + 2):
        entry = Entry("main.py", sha256_bytes(data), len(data))
        asked = SubmitRun(f"exp{number % 2}", job, [entry], f"many-{number}", run_id=f"run_{number:03}")
        client.runs.submit(workspace_id, asked)
    for number in range(PAGE_RUNS + 2):
        run = client.runs.get(workspace_id, f"run_{number:03}").run
        ended(shared_server, run)

    def shown(target: str) -> list[str]:
        return re.findall(r">(run_\d+)</a>", wire.ask("GET", target).body.decode())

    here = workspace_page(workspace_id)
    everything = [f"run_{number:03}" for number in reversed(range(PAGE_RUNS + 2))]
    first = wire.ask("GET", here).body.decode()
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older
    assert shown(here) == everything[:PAGE_RUNS]
    assert shown(html.unescape(older[1])) == everything[PAGE_RUNS:]
    assert shown(experiment_page(workspace_id, "exp0")) == everything[1::2]
    assert shown(here + "?experiment=exp1&status=Failed") == everything[::2]
    assert shown(here + "?status=Completed") == []
    assert len(shown("/")) >= 1
    for wrong in ("?status=Nothing", "?before=x", "?before=-1", "?before=" + "9" * 40):
        assert wire.ask("GET", here + wrong).status == 400, wrong


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


def test_a_browser_goes_from_a_ticket_to_the_page_with_a_cookie_no_script_can_read(
    browser: Browser, wire: Wire, run: Run
) -> None:
    browser.open(f"{origin(wire)}/signin?ticket={ticket(wire)}&next={page_of(run)}")
    browser.until("document.getElementById('run') !== null")
    assert browser.value("location.pathname") == page_of(run)
    (cookie,) = browser.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert browser.value("document.cookie") == ""


def test_a_browser_that_is_signed_in_follows_a_link_from_another_site(signed_in: Browser, wire: Wire, run: Run) -> None:
    signed_in.open("data:text/html," + quote(f'<a id="a" href="{origin(wire)}{page_of(run)}">run</a>'))
    signed_in.until("document.getElementById('a') !== null")
    signed_in.value("document.getElementById('a').click()")
    signed_in.until("document.getElementById('run') !== null")


def test_the_forms_sign_a_browser_out_and_in(signed_in: Browser, wire: Wire, shared_server: RealServer) -> None:
    signed_in.value("document.querySelector('form[action=\"/signout\"]').requestSubmit()")
    signed_in.until("location.pathname === '/signin' && document.getElementById('token') !== null")
    assert signed_in.cookies() == []
    signed_in.value(f"document.getElementById('token').value = {shared_server.token!r}")
    signed_in.value("document.getElementById('token').form.requestSubmit()")
    signed_in.until("location.pathname === '/' && document.title.startsWith('Workspaces')")


def test_a_page_follows_its_run_to_the_end(
    signed_in: Browser, wire: Wire, shared_server: RealServer, workspace_id: str, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    run = submit(shared_server, workspace_id, WAITING, experiment="live", arguments=[str(go_on)])
    signed_in.open(origin(wire) + page_of(run))
    log = f"document.querySelector('[data-log=\"{OUTPUT_LOG}\"] pre').textContent"
    signed_in.until(f"{log}.includes('line one') && document.getElementById('metrics').textContent.includes('first')")
    signed_in.value("window.same = true")
    go_on.touch()
    signed_in.until(f"{log}.includes('line two 表 <b>not bold</b>')")
    signed_in.until(
        "document.querySelector('.badge').textContent === 'Completed' && document.title.includes('Completed')"
    )
    assert "second" in signed_in.value("document.getElementById('metrics').textContent")
    assert "std_log" in signed_in.value("document.getElementById('files').textContent")
    assert signed_in.value(f"{log}.match(/line one/g).length") == 1
    assert signed_in.value("window.same"), "the page was loaded again"
    assert signed_in.complaints == []


def test_hostile_names_and_values_run_nothing_and_call_nowhere(
    signed_in: Browser, wire: Wire, shared_server: RealServer, workspace_id: str
) -> None:
    script = f"""
from amlet.sdk import Run
run = Run.get_context()
text = {HOSTILE!r}
run.log(text[:200], text)
for value in (1.0, 2.0):
    run.log("n" + text[:200], value)
run.log_row("r" + text[:200], **{{text: text}})
open("outputs/" + text.replace("/", "|"), "w").close()
print(text, flush=True)
raise ValueError(text)
"""
    run = submit(
        shared_server,
        workspace_id,
        script,
        experiment="hostile",
        display_name=HOSTILE,
        tags={HOSTILE: HOSTILE},
        properties={HOSTILE: HOSTILE},
        arguments=[HOSTILE],
    )
    signed_in.open(origin(wire) + page_of(run))
    signed_in.until("document.title.startsWith('Failed')")
    for target in (page_of(run), workspace_page(workspace_id), experiment_page(workspace_id, "hostile"), "/"):
        signed_in.open(origin(wire) + target)
        signed_in.until(f"location.pathname === {target!r} && document.readyState === 'complete'")
        assert signed_in.value("document.querySelectorAll('main img, main script, [onload], [onerror]').length") == 0
        assert "onerror=alert(1)" in signed_in.value("document.querySelector('main').textContent")
    assert signed_in.complaints == []
    assert all(url.startswith((origin(wire), "data:")) for url in signed_in.requested), signed_in.requested


def test_what_the_policy_refuses_would_have_been_seen(signed_in: Browser) -> None:
    signed_in.value("document.body.insertAdjacentHTML('beforeend', '<img src=\"/x\" onerror=\"window.ran = 1\">')")
    signed_in.until("performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/x'))")
    signed_in.until("window.ran === undefined")
    assert any("Content Security Policy" in complaint for complaint in signed_in.complaints)
