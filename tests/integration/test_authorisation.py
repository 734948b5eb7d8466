"""Every route of the table against every caller and every site. A new route is in by itself."""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from amlet.base.errors import NotFound
from amlet.domain.run import RUNNING, Run
from amlet.server.security import cookie_name
from amlet.wire.files import FileQuery
from amlet.wire.routes import ANYONE, NODE, OWNER, ROUTES, RUN, Route
from support.server import RealServer, until
from support.wire import Wire, ended, path_of, submit, tokens_of, with_status, workspace_of

WAITS = """
import signal, sys, time, pathlib
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
"""

BROWSER, NOBODY, STRANGER = "browser", "nobody", "stranger"
OTHER_RUN, ENDED_RUN, OTHER_ATTEMPT, OTHER_WORKSPACE = (
    "another run",
    "an ended run",
    "another attempt",
    "another workspace",
)
CALLERS = (
    NOBODY,
    STRANGER,
    OWNER,
    NODE,
    RUN,
    OTHER_RUN,
    ENDED_RUN,
    OTHER_ATTEMPT,
    OTHER_WORKSPACE,
    BROWSER,
)

NO_ORIGIN, OWN_ORIGIN, FOREIGN_ORIGIN, NULL_ORIGIN, FOREIGN_HOST = (
    "no Origin",
    "own Origin",
    "foreign Origin",
    "Origin: null",
    "foreign Host",
)
SITES = (NO_ORIGIN, OWN_ORIGIN, FOREIGN_ORIGIN, NULL_ORIGIN, FOREIGN_HOST)
REFUSED = (401, 403)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")

LAST = "runs.cancel"
"""It ends the run whose token the others need. The script takes its time over it, so that every caller is tried."""


class Case(NamedTuple):
    """A running server with one run that goes on, one that waits, one that is over."""

    server: RealServer
    wire: Wire
    workspace_id: str
    run_id: str
    ended_id: str
    tokens: dict[str, str | None]

    def ask(self, route: Route, caller: str, site: str) -> int:
        run_id = self.ended_id if caller == ENDED_RUN else self.run_id
        target = path_of(route, workspace_id=self.workspace_id, run_id=run_id, version="1")
        headers = headers_of(self.wire, site)
        if caller == BROWSER:
            headers["Cookie"] = f"{cookie_name(self.server.url)}={tokens_of(self.server).for_browser()}"
        # A body that no route takes: whoever comes so far is told 400, and nothing is stopped or deleted.
        body = None if route.method in ("GET", "DELETE") else b'{"no": "such field"}'
        return self.wire.ask(route.method, target, token=self.tokens[caller], headers=headers, body=body).status


@pytest.fixture(scope="module")
def case(shared_server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    server = shared_server
    workspace_id = workspace_of(server, "matrix")
    over = ended(server, submit(server, workspace_id, "print('over')", experiment="over"))
    go_on: Path = tmp_path_factory.mktemp("matrix") / "go-on"
    running = submit(server, workspace_id, WAITS, experiment="running", arguments=[str(go_on)])
    waiting = submit(server, workspace_id, WAITS, experiment="waiting", arguments=[str(go_on)], display_name="waiting")
    running = with_status(server, running, RUNNING)
    mint = tokens_of(server)
    tokens: dict[str, str | None] = {
        NOBODY: None,
        BROWSER: None,
        STRANGER: "not-one-of-ours",
        OWNER: server.token,
        NODE: mint.for_node("local"),
        RUN: mint.for_run(workspace_id, running.id, running.attempt),
        OTHER_RUN: mint.for_run(workspace_id, waiting.id, waiting.attempt),
        ENDED_RUN: mint.for_run(workspace_id, over.id, over.attempt),
        OTHER_ATTEMPT: mint.for_run(workspace_id, running.id, running.attempt + 1),
        OTHER_WORKSPACE: mint.for_run(workspace_of(server, "elsewhere"), running.id, running.attempt),
    }
    wire = Wire(server)
    yield Case(server, wire, workspace_id, running.id, over.id, tokens)
    wire.close()
    go_on.touch()
    for run in (running, waiting):
        ended(server, run)


def headers_of(wire: Wire, site: str) -> dict[str, str]:
    own = "{}:{}".format(*wire.address)
    return {
        NO_ORIGIN: {},
        OWN_ORIGIN: {"Origin": f"http://{own}"},
        FOREIGN_ORIGIN: {"Origin": "http://evil.example"},
        NULL_ORIGIN: {"Origin": "null"},
        FOREIGN_HOST: {"Host": f"evil.example:{wire.address[1]}"},
    }[site]


def refusal(route: Route, caller: str, site: str) -> int | None:
    """The one status that must come back; None where the caller is let in."""
    if site in (FOREIGN_ORIGIN, NULL_ORIGIN, FOREIGN_HOST):
        return 403
    if ANYONE in route.access:
        return None
    if caller in (NOBODY, STRANGER):
        return 401
    if caller == BROWSER:
        return 403 if OWNER not in route.access or (route.method != "GET" and site == NO_ORIGIN) else None
    if caller in (OWNER, NODE):
        return None if caller in route.access else 403
    if RUN not in route.access or caller in (ENDED_RUN, OTHER_ATTEMPT, OTHER_WORKSPACE):
        return 403
    return 403 if caller == OTHER_RUN and "{run_id}" in route.path else None


@pytest.mark.parametrize("route", sorted(ROUTES, key=lambda route: route.name == LAST), ids=lambda route: route.name)
def test_a_route_lets_in_those_of_its_access_list_and_no_other(route: Route, case: Case) -> None:
    wrong = []
    for caller in CALLERS:
        for site in SITES:
            status = case.ask(route, caller, site)
            wanted = refusal(route, caller, site)
            fine = status == wanted if wanted else status not in REFUSED and status < 500
            if not fine:
                wrong.append(f"{caller}, {site}: {status} instead of {wanted or 'an answer'}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_a_method_that_a_path_has_not_is_not_allowed(path: str, case: Case) -> None:
    some = next(route for route in ROUTES if route.path == path)
    target = path_of(some, workspace_id=case.workspace_id, run_id=case.run_id, version="1")
    has = {route.method for route in ROUTES if re.fullmatch(re.sub(r"{\w+}", "[^/]+", route.path), target)}
    for method in METHODS:
        if method not in has:
            reply = case.wire.ask(method, target, headers=headers_of(case.wire, NO_ORIGIN))
            assert reply.status == 405, (method, reply)
            assert has <= {text.strip() for text in reply.headers["allow"].split(",")}
            assert reply.error["hint"]


@pytest.mark.parametrize(
    "target",
    [
        "/api/nothing",
        "/api/health/",
        "//api/health",
        "/api/workspaces/../server",
        "/api/health;x",
        "/api/health%252f",
    ],
)
def test_an_address_beside_the_table_is_not_found_and_never_redirected(target: str, case: Case) -> None:
    for site in (NO_ORIGIN, FOREIGN_HOST):
        reply = case.wire.ask("POST", target, headers=headers_of(case.wire, site))
        assert reply.status in (404, 405), reply
        assert "location" not in reply.headers


def test_a_head_request_needs_what_its_get_needs(case: Case) -> None:
    assert case.wire.ask("HEAD", "/api/server", token=None).status == 401
    assert case.wire.ask("HEAD", "/api/server", token=case.tokens[RUN]).status == 403
    assert case.wire.ask("HEAD", "/api/server").status == 200


def test_a_nodes_token_speaks_for_that_node_alone(case: Case) -> None:
    share = {"cores": 1, "memory_bytes": 1}
    attempt = f"/api/workspaces/{case.workspace_id}/runs/{case.run_id}/lease"
    for target, body in {
        "/api/nodes/hello": {"node": "other", "target": "local", "pid": 1, "boot_id": "b", "share": share},
        "/api/nodes/take": {"node": "other", "pool": "local"},
        "/api/nodes/replicas": {"node": "other", "held": [], "known": -1},
        attempt: {"node": "other", "attempt": 1},
    }.items():
        reply = case.wire.ask("POST", target, token=case.tokens[NODE], body=body)
        assert reply.status == 403, (target, reply)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer \xe9\xff",
        "Bearer a.b",
        "Bearer .",
        "Bearer " + "x" * 5000,
        "Bearer W10.",
    ],
)
def test_a_malformed_authorization_header_is_a_token_that_is_not_ours(header: str, case: Case) -> None:
    reply = case.wire.ask("GET", "/api/server", token=None, headers={"Authorization": header})
    assert reply.status == 401
    assert reply.error["code"] == "unauthorized"


def test_a_token_with_one_changed_character_is_refused(case: Case) -> None:
    token = str(case.tokens[NODE])
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        # The last character of a base64 text carries bits that no byte takes.
        if place != len(token) - 1:
            assert case.wire.ask("POST", "/api/nodes/hello", token=changed, body={}).status == 401, place


@pytest.mark.parametrize("kind", ["ticket", BROWSER])
def test_what_is_made_for_browsers_is_no_bearer_token(kind: str, case: Case) -> None:
    mint = tokens_of(case.server)
    token = mint.ticket() if kind == "ticket" else mint.for_browser()
    assert case.wire.ask("GET", "/api/server", token=token).status == 401


def test_other_tokens_are_no_cookie(case: Case) -> None:
    for token in (case.tokens[NODE], case.tokens[RUN], tokens_of(case.server).ticket(), case.server.token):
        reply = case.wire.ask(
            "GET", "/api/server", token=None, headers={"Cookie": f"{cookie_name(case.server.url)}={token}"}
        )
        assert reply.status == 401


def test_pages_are_for_the_owner_alone(case: Case) -> None:
    for target in ("/", f"/w/{case.workspace_id}", f"/w/{case.workspace_id}/e/running/r/{case.run_id}"):
        for caller in CALLERS:
            if caller not in (OWNER, NOBODY, BROWSER):
                status = case.wire.ask("GET", target, token=case.tokens[caller]).status
                assert status == (401 if caller == STRANGER else 403), (target, caller, status)
        assert case.wire.ask("GET", target, token=None).status == 303
        assert case.wire.ask("GET", target).status == 200
        assert case.wire.ask("GET", target, headers=headers_of(case.wire, FOREIGN_HOST)).status == 403


def test_another_version_of_the_protocol_is_told_so_with_a_hint(case: Case) -> None:
    for method, target in (("GET", "/api/health"), ("GET", "/api/server"), ("POST", "/api/later/route")):
        for spoken in ("2", "x", "1.0", ""):
            reply = case.wire.ask(method, target, headers={"Amlet-Protocol": spoken})
            assert reply.status == 426, (target, spoken, reply)
            assert reply.error["code"] == "version_mismatch"
            assert "amlet server stop" in reply.error["hint"]


LEAKY = """
import os, pathlib, sys, time
from amlet.sdk import Run
run = Run.get_context()
run.log("value", 1.5)
pathlib.Path("outputs/kept.txt").write_text("kept")
print("all is well", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
raise ValueError("the end of it")
"""


def test_no_token_of_ours_is_in_a_file_an_argument_a_page_or_an_answer(
    fresh_server: RealServer, tmp_path: Path
) -> None:
    server = fresh_server
    workspace_id = workspace_of(server, "leaks")
    run = submit(server, workspace_id, LEAKY, arguments=[str(tmp_path / "go-on")])
    run = with_status(server, run, RUNNING)
    until(lambda: b"all is well" in read_log(server, run), what="the script's first line")
    mint = tokens_of(server)
    owner, node = server.token, mint.for_node("local")
    own = mint.for_run(workspace_id, run.id, run.attempt)
    key = server.home.secret_key.read_text().strip()
    # The half that gives access, so that no other way of writing the rest is overlooked.
    secrets = {"owner": owner, "node": node.rpartition(".")[2], "run": own.rpartition(".")[2], "key": key}

    def found_in(data: bytes) -> set[str]:
        return {name for name, secret in secrets.items() if secret.encode() in data}

    def files_with_secrets() -> dict[str, set[str]]:
        return {
            str(path.relative_to(server.home.root)): found
            for path in server.home.root.rglob("*")
            if path.is_file() and (found := found_in(read(path)))
        }

    kept = {"server.json": {"owner"}, "secret.key": {"key"}}
    assert files_with_secrets() == kept
    node_pid = server.node_pid()
    for pid in server.marked():
        assert not found_in(read(Path(f"/proc/{pid}/cmdline"))), pid
        held = found_in(read(Path(f"/proc/{pid}/environ")))
        assert held <= ({"node"} if pid == node_pid else {"run"}), (pid, held)

    (tmp_path / "go-on").touch()
    over = ended(server, run)
    assert over.error is not None and "the end of it" in over.error.message
    assert files_with_secrets() == kept

    wire = Wire(server)
    page = f"/w/{workspace_id}/e/exp/r/{run.id}"
    api = f"/api/workspaces/{workspace_id}"
    targets = ["/", f"/w/{workspace_id}", f"/w/{workspace_id}/e/exp", page, page + "/live", "/signin", "/openapi.json"]
    targets += ["/api/health", "/api/server", f"{api}/runs", f"{api}/runs/{run.id}", f"{api}/runs/{run.id}/changes"]
    targets += [f"{api}/runs/{run.id}/metrics", f"{api}/environments", f"{api}/computes", f"{api}/models"]
    files = server.client().runs.get(workspace_id, run.id).files
    assert {"user_logs/std_log.txt", "outputs/kept.txt"} <= {file.path for file in files}
    targets += [f"{api}/runs/{run.id}/file?path={quote(file.path)}" for file in files]
    for target in targets:
        reply = wire.ask("GET", target)
        assert reply.status in (200, 303), (target, reply)
        assert not found_in(reply.body + repr(reply.headers).encode()), target
    assert not found_in(wire.ask("POST", "/api/tickets").body)
    wire.close()


def test_the_home_is_closed_to_other_users_however_it_was_made(tmp_path: Path) -> None:
    root = tmp_path / "open" / "home"
    root.mkdir(parents=True)
    root.chmod(0o777)
    server = RealServer(root)
    try:
        server.start()
        run = submit(server, workspace_of(server, "modes"), "print('x')")
        ended(server, run)
        modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in (root, *root.iterdir())}
        # What lies deeper, a job's own files too, is behind these.
        assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
        assert modes["server.json"] == modes["secret.key"] == modes["records.db"] == 0o600
    finally:
        server.close()


def read(path: Path) -> bytes:
    """Its bytes; nothing when it went away meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def read_log(server: RealServer, run: Run) -> bytes:
    with contextlib.suppress(NotFound):
        return server.client().runs.file(run.workspace_id, run.id, FileQuery("user_logs/std_log.txt")).read()
    return b""


def test_the_openapi_document_is_for_our_own_pages_and_tools(case: Case) -> None:
    assert case.wire.ask("GET", "/openapi.json", token=None).status == 200
    for site in (FOREIGN_ORIGIN, FOREIGN_HOST):
        reply = case.wire.ask("GET", "/openapi.json", token=None, headers=headers_of(case.wire, site))
        assert reply.status == 403
