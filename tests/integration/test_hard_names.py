"""Hard names, values and bodies through every field: a round trip or one clear refusal, never a fault of ours."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest

from amlet.base.hashing import sha256_bytes
from amlet.domain.run import COMPLETED, RUNNING
from amlet.wire import codec
from amlet.wire.codec import Raw
from amlet.wire.routes import NODE, OWNER, ROUTES, Route
from support.hard_strings import HARD_STRINGS
from support.server import RealServer
from support.wire import Reply, Wire, ended, path_of, submit, tokens_of, with_status, workspace_of

DATA = b"the bytes of a small file"
SHA256 = sha256_bytes(DATA)
WAITS = """
import sys, time, pathlib
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
"""
NO_PYTHON = {"name": "env", "user_managed": True, "interpreter": "/nowhere/python"}
"""Its runs fail before they reach a node."""


class Place(NamedTuple):
    """A server of its own with a run that goes on."""

    server: RealServer
    wire: Wire
    workspace_id: str
    empty_id: str
    run_id: str
    attempt: int
    node_token: str

    def path(self, rest: str) -> str:
        return f"/api/workspaces/{self.workspace_id}/{rest}"

    def of_run(self, rest: str) -> str:
        return self.path(f"runs/{self.run_id}/{rest}")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="amlet-"))
    server = RealServer(folder / "home")
    around = [set(where.iterdir()) for where in (folder, Path.cwd(), Path("/"))]
    try:
        server.start()
        workspace_id = workspace_of(server, "hard")
        server.client().blobs.put(workspace_id, SHA256, DATA, len(DATA))
        run = submit(server, workspace_id, WAITS, arguments=[str(folder / "home" / "go-on")])
        run = with_status(server, run, RUNNING)
        wire = Wire(server)
        yield Place(
            server,
            wire,
            workspace_id,
            workspace_of(server, "empty"),
            run.id,
            run.attempt,
            tokens_of(server).for_node("local"),
        )
        wire.close()
        assert server.client().server.health().status == "ok"
        text = server.home.server_log.read_text()
        assert "Traceback" not in text, text[-3000:]
    finally:
        server.close()
        left = [set(where.iterdir()) for where in (folder, Path.cwd(), Path("/"))]
        strange = [path.name for path in server.home.root.rglob("*") if not re.fullmatch(r"[\w.+\-@]+", path.name)]
        shutil.rmtree(folder, ignore_errors=True)
    assert left[0] - around[0] == {server.home.root}
    ours = {text.rstrip("/\\").replace("\\", "/").rpartition("/")[2] for text in HARD_STRINGS}
    assert not [path for now, before in zip(left, around, strict=True) for path in now - before if path.name in ours]
    assert strange == []


def escaped(text: str) -> str:
    """As one segment of a path; lone surrogates as the bytes that they would be."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def query(**parameters: str) -> str:
    return "?" + urlencode({name: text.encode("utf-8", "surrogatepass") for name, text in parameters.items()})


def settled(reply: Reply, read: Callable[[Any], object], wanted: object) -> str | None:
    """What is wrong with an answer; None for a round trip or a clear refusal."""
    if reply.status == 200:
        found = read(json.loads(reply.body))
        return None if found == wanted else f"came back as {found!r}"
    if reply.status not in (400, 404, 409):
        return f"{reply.status}: {reply.body[:300]!r}"
    error = reply.error
    if len(reply.body) > 50_000:
        return f"an error of {len(reply.body)} bytes"
    return None if len(error["message"]) > 10 else f"unclear: {error['message']}"


def submission(place: Place, text: str, number: int, **changes: Any) -> dict[str, Any]:
    job = {"environment": NO_PYTHON, "snapshot_id": "", "script": "main.py", **changes.pop("job", {})}
    return {
        "experiment": "hard",
        "job": job,
        "snapshot": [{"path": "main.py", "sha256": SHA256, "size_bytes": len(DATA)}],
        "submission_id": f"{number}-{sha256_bytes(repr((text, changes, job)).encode())[:40]}",
        **changes,
    }


def _model(entry: str = "model.joblib", **changes: Any) -> dict[str, Any]:
    return {"name": "m", "entries": [{"path": entry, "sha256": SHA256, "size_bytes": len(DATA)}], **changes}


def _job(**changes: Any) -> dict[str, Any]:
    return {"job": changes}


WRITES: dict[str, Callable[[str], tuple[str, str, Any, Callable[[Any], object]]]] = {
    "workspace": lambda text: (
        "POST",
        "/api/workspaces",
        {"subscription_id": "sub", "resource_group": "group", "name": text},
        lambda told: told["workspace"]["name"],
    ),
    "subscription": lambda text: (
        "POST",
        "/api/workspaces",
        {"subscription_id": text, "resource_group": "group", "name": "demo"},
        lambda told: told["workspace"]["subscription_id"],
    ),
    "resource group": lambda text: (
        "POST",
        "/api/workspaces",
        {"subscription_id": "sub", "resource_group": text, "name": "demo"},
        lambda told: told["workspace"]["resource_group"],
    ),
    "experiment": lambda text: ("PUT", f"experiments/{escaped(text)}", None, lambda told: told["name"]),
    "environment": lambda text: ("POST", "environments", {"name": text}, lambda told: told["spec"]["name"]),
    "environment version": lambda text: (
        "POST",
        "environments",
        {"name": "env", "version": text},
        lambda told: told["spec"]["version"],
    ),
    "environment variable": lambda text: (
        "POST",
        "environments",
        {"name": "variables", "variables": {"A": text}},
        lambda told: told["spec"]["variables"]["A"],
    ),
    "compute": lambda text: (
        "PUT",
        f"computes/{escaped(text)}",
        {"kind": "AmlCompute", "vm_size": "STANDARD_D2_V2"},
        lambda told: told["target"]["name"],
    ),
    "compute description": lambda text: (
        "PUT",
        "computes/described",
        {"kind": "AmlCompute", "vm_size": "STANDARD_D2_V2", "description": text},
        lambda told: told["target"]["description"],
    ),
    "compute tag": lambda text: (
        "PUT",
        "computes/tagged",
        {"kind": "AmlCompute", "vm_size": "STANDARD_D2_V2", "tags": {text: text}},
        lambda told: next(iter(told["target"]["tags"].items()))[0],
    ),
    "vm size": lambda text: (
        "PUT",
        "computes/sized",
        {"kind": "AmlCompute", "vm_size": text},
        lambda told: told["target"]["vm_size"],
    ),
    "model": lambda text: ("POST", "models", {**_model(), "name": text}, lambda told: told["model"]["name"]),
    "model file": lambda text: ("POST", "models", _model(text), lambda told: text),
    "model description": lambda text: (
        "POST",
        "models",
        _model(description=text),
        lambda told: told["model"]["description"],
    ),
    "model tag": lambda text: (
        "POST",
        "models",
        _model(tags={text: text}),
        lambda told: next(iter(told["model"]["tags"].items()))[0],
    ),
    "framework": lambda text: ("POST", "models", _model(framework=text), lambda told: told["model"]["framework"]),
    "framework version": lambda text: (
        "POST",
        "models",
        _model(framework="Onnx", framework_version=text),
        lambda told: told["model"]["framework_version"],
    ),
    "file of a run as a model": lambda text: (
        "POST",
        "models",
        {"name": "m", "run_id": "no-such-run", "path": text},
        lambda told: None,
    ),
    "run of a model": lambda text: ("POST", "models", {"name": "m", "run_id": text}, lambda told: None),
    "service": lambda text: (
        "POST",
        "services",
        {"name": text, "deployment": {"model_ids": ["m:1"]}},
        lambda told: told["service"]["name"],
    ),
    "model of a service": lambda text: (
        "POST",
        "services",
        {"name": "svc", "deployment": {"model_ids": [text]}},
        lambda told: None,
    ),
    "version of a model of a service": lambda text: (
        "POST",
        "services",
        {"name": "svc", "deployment": {"model_ids": ["m:" + text]}},
        lambda told: None,
    ),
    "hash": lambda text: ("POST", "blobs/missing", {"sha256": [text]}, lambda told: told["sha256"][0]),
    "blob": lambda text: ("PUT", f"blobs/{escaped(text)}", b"data", lambda told: None),
}

RUN_FIELDS: dict[str, tuple[Callable[[str], dict[str, Any]], Callable[[Any, Any], object]]] = {
    "experiment of a run": (lambda text: {"experiment": text}, lambda run, job: run["experiment"]),
    "run id": (lambda text: {"run_id": text}, lambda run, job: run["id"]),
    "display name": (lambda text: {"display_name": text}, lambda run, job: run["display_name"]),
    "tag's key": (lambda text: {"tags": {text: "value"}}, lambda run, job: next(iter(run["tags"]))),
    "tag's value": (lambda text: {"tags": {"key": text}}, lambda run, job: run["tags"]["key"]),
    "property": (lambda text: {"properties": {"key": text}}, lambda run, job: run["properties"]["key"]),
    "argument": (lambda text: _job(arguments=[text]), lambda run, job: job["arguments"][0]),
    "variable": (lambda text: _job(variables={"A": text}), lambda run, job: job["variables"]["A"]),
    "variable's name": (lambda text: _job(variables={text: "x"}), lambda run, job: next(iter(job["variables"]))),
    "target": (lambda text: _job(target=text), lambda run, job: job["target"]),
    "definition": (lambda text: _job(definition={text: text}), lambda run, job: job["definition"]),
    "command": (lambda text: _job(script=None, command=text), lambda run, job: job["command"]),
    "environment of a run": (
        lambda text: _job(environment={**NO_PYTHON, "name": text}),
        lambda run, job: job["environment"]["name"],
    ),
    "interpreter": (
        lambda text: _job(environment={**NO_PYTHON, "interpreter": "/nowhere/" + text}),
        lambda run, job: job["environment"]["interpreter"].removeprefix("/nowhere/"),
    ),
    "script": (
        lambda text: {
            **_job(script=text),
            "snapshot": [{"path": text, "sha256": SHA256, "size_bytes": len(DATA)}],
        },
        lambda run, job: job["script"],
    ),
}


@pytest.mark.parametrize("field", WRITES)
def test_a_field_takes_every_hard_string_or_refuses_it_clearly(field: str, place: Place) -> None:
    wrong = {}
    for text in HARD_STRINGS:
        method, target, body, read = WRITES[field](text)
        if not target.startswith("/"):
            target = place.path(target)
        fault = settled(place.wire.ask(method, target, body=body), read, text)
        if fault:
            wrong[text[:60]] = fault
    # What was refused in a path that was decoded by the way is not what was sent: those must all be refusals.
    assert not wrong


@pytest.mark.parametrize("field", RUN_FIELDS)
def test_a_field_of_a_run_takes_every_hard_string_or_refuses_it_clearly(field: str, place: Place) -> None:
    changes_of, read = RUN_FIELDS[field]
    wrong = {}
    for number, text in enumerate(HARD_STRINGS):
        body = submission(place, text, number, **changes_of(text))
        wanted: object = {text: text} if field == "definition" else text
        if field == "display name" and not text:
            continue  # none given: it is the run's id
        reply = place.wire.ask("POST", place.path("runs"), body=body)
        if reply.status != 200:
            fault = settled(reply, lambda told: None, None)
        else:
            run = json.loads(reply.body)["run"]
            again = place.wire.ask("GET", place.path(f"runs/{escaped(run['id'])}"))
            fault = settled(again, lambda told: read(told["run"], told["job"]), wanted)
            if set(text) & set("<{\x00\ud800"):
                page = place.wire.ask(
                    "GET", f"/w/{place.workspace_id}/e/{escaped(run['experiment'])}/r/{escaped(run['id'])}"
                )
                fault = fault or (None if page.status == 200 else f"its page answers {page.status}")
                if text.startswith(("<", '"')) and text.encode() in page.body:
                    fault = "its page has it unescaped"
        if fault:
            wrong[text[:60]] = fault
    assert not wrong


READS = (
    "runs/{}",
    "runs/{}/changes",
    "runs/{}/metrics",
    "runs/{}/file?path=x",
    "models/{}/1",
    "models/m/{}",
    "models/m/{}/file?path=x",
    "environments/{}",
    "computes/{}",
    "services/{}",
    "services/{}/logs",
    "blobs/{}",
)
QUERIES = (
    ("runs/{run}/file", "path"),
    ("runs/{run}/file", "offset"),
    ("runs/{run}/metrics", "name"),
    ("runs", "experiment"),
    ("runs", "status"),
    ("runs", "limit"),
    ("runs", "before"),
    ("models", "name"),
    ("models", "run_id"),
    ("models", "framework"),
    ("models", "version"),
    ("models", "latest"),
    ("environments/env", "version"),
    ("services/none", "after"),
)


@pytest.mark.parametrize("target", READS)
def test_nothing_is_read_by_a_hard_name(target: str, place: Place) -> None:
    for text in HARD_STRINGS:
        reply = place.wire.ask("GET", f"/api/workspaces/{place.empty_id}/" + target.format(escaped(text)))
        # An empty name makes another address: of a list.
        assert reply.status in (400, 404, 405) or (reply.status == 200 and not text), (text[:60], reply)


@pytest.mark.parametrize(("target", "parameter"), QUERIES)
def test_a_parameter_takes_every_hard_string_or_refuses_it_clearly(target: str, parameter: str, place: Place) -> None:
    base = place.path(target.format(run=place.run_id))
    for text in (*HARD_STRINGS, "9" * 18, "9" * 30, "-1", "1e400", "0x1"):
        reply = place.wire.ask("GET", base + query(**{parameter: text}))
        assert reply.status in (200, 400, 404), (text[:60], reply)
        assert b"root:" not in reply.body
        if reply.status != 200:
            assert reply.error


def test_a_page_of_a_hard_name_is_a_page_that_says_so(place: Place) -> None:
    for text in HARD_STRINGS:
        for target in (
            f"/w/{escaped(text)}",
            f"/w/{place.workspace_id}/e/{escaped(text)}",
            f"/w/{place.workspace_id}/e/exp/r/{escaped(text)}",
            f"/{escaped(text)}",
            f"/w/{place.workspace_id}" + query(experiment=text, status=text, before=text, sort=text),
        ):
            reply = place.wire.ask("GET", target)
            assert reply.status in (200, 303, 400, 404), (target[:100], reply)
            assert b"<script>alert" not in reply.body
            assert b"<img src=x" not in reply.body


def test_logs_and_files_of_a_run_take_a_hard_path_as_a_key_or_refuse_it(place: Place) -> None:
    kept = set()
    for text in HARD_STRINGS:
        sent = query(path=text, offset="0", attempt=str(place.attempt))
        reply = place.wire.ask("POST", place.of_run("log") + sent, token=place.node_token, body=b"line\n")
        assert reply.status in (200, 400), (text[:60], reply)
        body = {"entries": [{"path": text + ".bin", "sha256": SHA256, "size_bytes": len(DATA)}]}
        also = place.wire.ask("POST", place.of_run("files"), body=body)
        assert also.status in (200, 400), (text[:60], also)
        for path, bytes_of, told in ((text, b"line\n", reply), (text + ".bin", DATA, also)):
            if told.status == 200:
                kept.add(path.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
                found = place.wire.ask("GET", place.of_run("file") + query(path=path))
                assert (found.status, found.body) == (200, bytes_of), (text[:60], found)
                assert found.headers["content-disposition"] == "attachment"
                assert "sandbox" in found.headers["content-security-policy"]
    listed = {file.path for file in place.server.client().runs.get(place.workspace_id, place.run_id).files}
    assert kept <= listed
    assert not [path for path in listed if path.startswith("/") or ".." in path.split("/")]


def test_metrics_of_every_hard_name_come_back_as_they_were_logged(place: Place) -> None:
    script = "\n".join(
        (
            "import json, os, sys",
            "from amlet.sdk import Run",
            "run = Run.get_context()",
            "for number, text in enumerate(json.load(open('names.json'))):",
            "    run.log(text, number)",
            "    run.log('value', text)",
            "    try:",
            "        os.makedirs('outputs', exist_ok=True)",
            "        open(os.path.join('outputs', text.replace('/', '_')), 'w').close()",
            "    except (OSError, ValueError):",
            "        pass",
        )
    )
    names = json.dumps(HARD_STRINGS).encode()
    server = place.server
    (server.home.root / "go-on").touch()
    server.client().blobs.put(place.workspace_id, sha256_bytes(names), names, len(names))
    body = submission(
        place, "metrics", 0, job={"environment": {"name": "own", "user_managed": True, "interpreter": _own_python()}}
    )
    data = script.encode()
    server.client().blobs.put(place.workspace_id, sha256_bytes(data), data, len(data))
    body["snapshot"] = [
        {"path": "main.py", "sha256": sha256_bytes(data), "size_bytes": len(data)},
        {"path": "names.json", "sha256": sha256_bytes(names), "size_bytes": len(names)},
    ]
    reply = place.wire.ask("POST", place.path("runs"), body=body)
    assert reply.status == 200, reply
    from amlet.domain.run import Run

    asked = codec.decode(Run, json.loads(reply.body)["run"], strict=False)
    run = ended(server, asked)
    assert run.status == COMPLETED, run
    found = server.client().runs.metrics(place.workspace_id, run.id).values
    values = found.pop("value")
    assert values == list(HARD_STRINGS)
    assert {name: found[name] for name in found} == {text: number for number, text in enumerate(HARD_STRINGS)}
    for name in HARD_STRINGS:
        if "\ud800" not in repr(name):
            page = place.wire.ask("GET", place.path(f"runs/{run.id}/metrics") + query(name=name))
            assert page.status == 200


def _own_python() -> str:
    import sys

    return sys.executable


WRONG = {str: 5, int: "x", bool: "x", float: "x"}
DEEP = b"[" * 10_000 + b"]" * 10_000
NASTY_JSON = (
    DEEP,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"[" * 100 + b"]" * 100,
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1" + b"0" * 400,
    b"1" + b"0" * 5000,
    b"-9223372036854775809",
    b"1e400",
    b"null",
    b"{}",
    b"[]",
    b'[{"":[]}]',
    b'{"$float":"nan"}',
    b'{"$float":"x"}',
    b'{"$float":[]}',
    b'"' + b"x" * 100_000 + b'"',
    b'"\\ud800"',
    b"tru",
    b'"unclosed',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"'single'",
)
BODIES = [route for route in ROUTES if route.body not in (None, Raw)]
STOP = "server.stop"
"""Its empty body is a good one."""


def token_for(route: Route, place: Place) -> str:
    return "" if OWNER in route.access else place.node_token if NODE in route.access else "?"


def target_of(route: Route, place: Place) -> str:
    return path_of(route, workspace_id=place.workspace_id, run_id=place.run_id, name="some-name", version="1")


def wrong_value(kind: Any) -> object:
    arguments = [item for item in typing.get_args(kind) if item is not type(None)]
    if typing.get_origin(kind) is typing.Union:
        return wrong_value(arguments[0])
    return WRONG.get(kind, 7)


@pytest.mark.parametrize("route", BODIES, ids=lambda route: route.name)
def test_every_wrong_field_of_a_body_is_named_at_once(route: Route, place: Place) -> None:
    hints = typing.get_type_hints(route.body)
    body = {name: wrong_value(hints[name]) for name in route.body._fields} | {"no such field": 1}
    reply = place.wire.ask(route.method, target_of(route, place), token=token_for(route, place), body=body)
    assert reply.status == 400
    assert {fault["path"] for fault in reply.error["fields"]} == {*route.body._fields, "no such field"}


@pytest.mark.parametrize("route", BODIES, ids=lambda route: route.name)
def test_a_nasty_value_in_any_field_is_refused_and_never_a_fault(route: Route, place: Place) -> None:
    target, token = target_of(route, place), token_for(route, place)
    for nasty in NASTY_JSON:
        optional = route.body._field_defaults.keys() == set(route.body._fields)
        if not (optional and nasty == b"{}"):
            reply = place.wire.ask(route.method, target, token=token, body=nasty)
            assert reply.status == 400, (nasty[:40], reply)
            assert len(reply.body) < 50_000
        for name in route.body._fields:
            body = b'{"%s": %s, "no such field": 0}' % (name.encode(), nasty)
            reply = place.wire.ask(route.method, target, token=token, body=body)
            assert reply.status == 400, (name, nasty[:40], reply)
            assert len(reply.body) < 50_000


def test_a_body_of_a_million_wrong_items_is_answered_with_a_hundred(place: Place) -> None:
    reply = place.wire.ask("POST", place.path("blobs/missing"), body=b'{"sha256": [' + b"0," * 1_000_000 + b"0]}")
    assert reply.status == 400
    assert len(reply.error["fields"]) == codec.FAULTS_LIMIT


NASTY_OF: dict[Any, tuple[object, ...]] = {
    str: ("", "\x00", "\ud800", "../..", "x" * 5000, "m:²", "m:" + "9" * 30, "m:1", "٣"),
    int: (-1, 0, (1 << 63) - 1, -(1 << 63)),
    bool: (True, False),
    float: (-1.0, {"$float": "nan"}, {"$float": "-inf"}),
}


def sample(kind: Any) -> Any:
    """A small value of a type, by its annotations."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return sample(arguments[0])
    if origin is list:
        return [sample(arguments[0])]
    if origin is dict:
        return {"key": sample(arguments[1])}
    if hasattr(kind, "_fields"):
        hints = typing.get_type_hints(kind)
        return {name: sample(hints[name]) for name in kind._fields}
    return {str: "some-name", int: 1, float: 0.0, bool: True}.get(kind)


def mutations(kind: Any, value: Any) -> Iterator[Any]:
    """The value with one leaf replaced, for every leaf and every nasty value of its type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        yield None
        yield from mutations(arguments[0], value)
    elif origin is list:
        yield []
        yield [value[0], value[0]]
        yield from ([item] for item in mutations(arguments[0], value[0]))
    elif origin is dict:
        yield {}
        yield from ({"key": item} for item in mutations(arguments[1], value["key"]))
        yield from ({key: value["key"]} for key in NASTY_OF[str])
    elif hasattr(kind, "_fields"):
        hints = typing.get_type_hints(kind)
        for name in kind._fields:
            yield from ({**value, name: item} for item in mutations(hints[name], value[name]))
    else:
        yield from NASTY_OF.get(kind, ())


@pytest.mark.parametrize("route", [route for route in BODIES if route.name != STOP], ids=lambda route: route.name)
def test_a_body_of_the_right_types_and_nasty_values_is_never_a_fault(route: Route, place: Place) -> None:
    target, token = target_of(route, place), token_for(route, place)
    whole = sample(route.body)
    if "node" in whole:
        whole["node"] = "local"
    for place_of_hash in ("entries", "snapshot", "outputs"):
        for entry in whole.get(place_of_hash) or ():
            entry["sha256"] = SHA256
    for body in (whole, *mutations(route.body, whole)):
        reply = place.wire.ask(route.method, target, token=token, body=body)
        assert reply.status < 500 and reply.status != 401, (body, reply)
        if reply.status >= 400:
            assert reply.error


@pytest.mark.parametrize("route", [route for route in ROUTES if route.query], ids=lambda route: route.name)
def test_a_query_of_nasty_values_is_never_a_fault(route: Route, place: Place) -> None:
    target, token = target_of(route, place), token_for(route, place)
    plain = {"path": "x", "journal": "j", "offset": "0", "attempt": "1"}
    whole = {name: plain[name] for name in route.query._fields if name in plain}
    for name in (*route.query._fields, "unknown"):
        for text in (
            "",
            "x",
            "-1",
            "9" * 18,
            "9" * 30,
            "9" * 5000,
            "nan",
            "-inf",
            "1_0",
            "\x00",
            "\ud800",
            "٣",
            "x" * 8000,
        ):
            reply = place.wire.ask(route.method, target + query(**{**whole, name: text}), token=token)
            assert reply.status < 500 and reply.status not in (401, 403), (name, text[:40], reply)
            assert name != "unknown" or reply.status == 400


NUL, DEEP_VALUE = "a\x00b", json.loads(b"[" * 80 + b"]" * 80)
POISON: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a variable with NUL": ("runs", "job.variables.A", _job(variables={"A": NUL})),
    "a variable that is no Unicode": ("runs", "job.variables.A", _job(variables={"A": "\ud800"})),
    "an environment's variable": (
        "runs",
        "job.environment.variables.A",
        _job(environment={**NO_PYTHON, "variables": {"A": NUL}}),
    ),
    "an argument with NUL": ("runs", "job.arguments[0]", _job(arguments=[NUL])),
    "a command with NUL": ("runs", "job.command", _job(script=None, command=NUL)),
    "a negative time": ("runs", "job.max_duration_s", _job(max_duration_s=-1)),
    "a deep definition": ("runs", "job.definition.a", _job(definition={"a": DEEP_VALUE})),
    "a file below a file": (
        "runs",
        "entries",
        {"snapshot": [{"path": path, "sha256": SHA256, "size_bytes": 1} for path in ("main.py", "a-b", "a", "a/b")]},
    ),
    "no number of cores": ("models", "resources.cpu", _model(resources={"cpu": {"$float": "nan"}})),
    "endless memory": ("models", "resources.memory_gb", _model(resources={"memory_gb": {"$float": "inf"}})),
    "a line of its own in a requirement": (
        "models",
        "framework_version",
        _model(framework="ScikitLearn", framework_version="1.0\n--index-url http://evil.example"),
    ),
    "endless cores of a service": (
        "services",
        "resources.cpu",
        {"name": "svc", "deployment": {"model_ids": ["m:1"], "resources": {"cpu": {"$float": "inf"}}}},
    ),
    "a million nodes": (
        "computes/many",
        "max_nodes",
        {"kind": "AmlCompute", "vm_size": "STANDARD_D2_V2", "max_nodes": 1_000_000},
    ),
    "an idle time beyond all dates": (
        "computes/many",
        "idle_seconds_before_scaledown",
        {"kind": "AmlCompute", "vm_size": "STANDARD_D2_V2", "idle_s": (1 << 63) - 1},
    ),
}


@pytest.mark.parametrize("kind", POISON)
def test_what_would_stop_a_node_or_the_reconciler_later_is_refused_at_the_door(kind: str, place: Place) -> None:
    target, field, body = POISON[kind]
    if target == "runs":
        body = submission(place, kind, 0, **json.loads(json.dumps(body)))
    reply = place.wire.ask("PUT" if "/" in target else "POST", place.path(target), body=body)
    assert reply.status == 400, reply
    assert field in {fault["path"] for fault in reply.error["fields"]}
