"""Real replicas of entry scripts, asked over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amlet.runtime.scoring.access import AccessFile
from amlet.runtime.scoring.files import ReplicaFile, ReplicaState
from support.replica import ENVIRONMENT, REPLICA, SDK
from support.server import until

SCRIPT = """
import json, os
import beside
def init():
    global greeting
    greeting = beside.GREETING + os.path.basename(os.environ["AZUREML_MODEL_DIR"])
def run(data, request_headers):
    if data == "raise":
        raise ValueError("a secret of the script")
    if data == "array":
        return {1, 2}
    if data == "text":
        return json.dumps({"result": 1})
    return {"got": data, "type": type(data).__name__, "greeting": greeting, "agent": request_headers["X-Agent"]}
"""
SCHEMA = """
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
def init(): pass
@input_schema("Inputs", StandardPythonParameterType([1.5]))
@input_schema("GlobalParameters", StandardPythonParameterType(1.0))
@output_schema(StandardPythonParameterType({"Results": 3.0}))
def run(Inputs, GlobalParameters=2.0):
    return {"Results": sum(Inputs) * GlobalParameters}
"""
RAW = """
import json
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
import azureml_inference_server_http.api.aml_request as newer
assert newer.AMLRequest is AMLRequest and newer.rawhttp is rawhttp
def init(): pass
@rawhttp
def run(request):
    assert isinstance(request, AMLRequest)
    if request.method == "OPTIONS":
        return AMLResponse("", 204, {"Allow": "POST"})
    what = request.args.get("what")
    if what == "image":
        return AMLResponse(request.get_data(False)[::-1], 201, {"Content-Type": "image/png", "X-Many": "a, b"})
    if what == "json":
        return AMLResponse({"got": request.get_json()}, 200, json_str=True)
    if what == "form":
        image = request.files["image"]
        return {"form": request.form, "file": image.read().decode(), "n": image.filename}
    if what == "refused":
        return AMLResponse("no", 418, run_function_failed=True)
    if what == "split":
        return AMLResponse("x", 200, {"X-Bad": "a\\r\\nSet-Cookie: b"})
    return {"method": request.method, "headers": dict(request.headers)["X-Agent"], "url": request.full_path}
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with served(tmp_path_factory.mktemp("raw"), RAW, path=SDK) as (_, ask, state):
        assert state.state == "Healthy", state
        yield ask


def test_a_raw_script_sees_the_request_and_answers_itself(raw: Any) -> None:
    # v1-behaviours 15.10, 15.11, 15.12
    expected = {"method": "GET", "headers": "test", "url": "/score?a=1"}
    assert raw("GET", "/score?a=1")[:2] == (200, expected)
    status, body, headers = raw("POST", "/score?what=image", b"gnp")
    assert (status, body, headers["content-type"], headers.get_all("x-many")) == (201, b"png", "image/png", ["a", "b"])
    assert headers["x-ms-run-function-failed"] == "False"
    assert raw("OPTIONS", "/score")[0] == 204
    status, body, headers = raw("POST", "/score?what=refused", b"")
    assert (status, body, headers["x-ms-run-function-failed"]) == (418, b"no", "True")


def test_a_raw_script_reads_json_and_forms(raw: Any) -> None:
    kind = {"Content_Type": "application/json"}
    assert raw("POST", "/score?what=json", b"[1]", **kind)[:2] == (200, {"got": [1]})
    assert raw("POST", "/score?what=json", b"[1")[0] == 415
    assert raw("POST", "/score?what=json", b"[1", **kind)[0] == 400
    parts = b'--q\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--q\r\n'
    parts += (
        b'Content-Disposition: form-data; name="image"; filename="x.png"\r\nContent-Type: image/png\r\n\r\nbytes\r\n'
    )
    answer = raw("POST", "/score?what=form", parts + b"--q--\r\n", Content_Type="multipart/form-data; boundary=q")
    assert answer[:2] == (200, {"form": {"a": "1"}, "file": "bytes", "n": "x.png"})


def test_a_header_of_a_script_cannot_begin_another(raw: Any) -> None:
    status, _, headers = raw("POST", "/score?what=split", b"")
    assert (status, headers["set-cookie"]) == (500, None)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with inference-schema in it, as the build of a service has it."""
    folder = tmp_path_factory.mktemp("schema")
    uv = str(Path(sys.executable).with_name("uv"))
    argv = [uv, "pip", "install", "-q", "--python", sys.executable, "--target", str(folder), "inference-schema"]
    subprocess.run(argv, check=True)
    return folder


@contextlib.contextmanager
def served(folder: Path, script: str, *, path: Path | None = None, **more: Any) -> Iterator[Any]:
    """A replica of an entry script; yields its process and how to ask it."""
    source = folder / "source é"
    source.mkdir(parents=True)
    (source / "score.py").write_text(script)
    (source / "beside.py").write_text("GREETING = 'from '\n")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        AccessFile().write(folder)
        ReplicaFile(listening.fileno(), source=str(source), entry_script="score.py", **more).write(folder)
        variables = {**os.environ, "AZUREML_MODEL_DIR": "/models/iris/1", "PYTHONPATH": str(path or "")}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(REPLICA), str(folder)],
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
                env=variables,
            )

        def ask(method: str, target: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, Any]:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
                given = {name.replace("_", "-"): value for name, value in headers.items()}
                connection.request(method, target, body, {"X-Agent": "test", **given})
                answer = connection.getresponse()
                raw = answer.read()
            return answer.status, json.loads(raw) if raw[:1] in b'{["' and raw else raw, answer.headers

        try:
            yield process, ask, until(lambda: ReplicaState.read(folder), what="the replica's state")
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with served(tmp_path_factory.mktemp("script"), SCRIPT) as (_, ask, state):
        assert state.state == "Healthy", state
        yield ask


def test_run_gets_the_body_as_text_and_the_headers(ask: Any) -> None:
    # v1-behaviours 15.9, 15.10
    expected = {"got": '{"a": 1}', "type": "str", "greeting": "from 1", "agent": "test"}
    assert ask("POST", "/score", b'{"a": 1}')[:2] == (200, expected)
    assert ask("POST", "/score", b"\xff")[0] == 400


def test_a_get_hands_over_its_query_as_json(ask: Any) -> None:
    assert ask("GET", "/score?a=1&b=%C3%A9")[1]["got"] == json.dumps({"a": "1", "b": "é"})  # v1-behaviours 15.10


def test_a_text_that_is_json_is_encoded_once_more(ask: Any) -> None:
    assert ask("POST", "/score", b"text")[:2] == (200, '{"result": 1}')  # v1-behaviours 15.11


@pytest.mark.parametrize("body", [b"raise", b"array"])
def test_what_the_script_raises_is_told_to_the_log_alone(ask: Any, body: bytes) -> None:
    status, answer, headers = ask("POST", "/score", body)
    told = "An unexpected error occurred in scoring script. Check the logs for more info."
    # v1-behaviours 15.11, 15.13, 15.14
    assert (status, answer, headers["x-ms-run-function-failed"]) == (500, {"message": told}, "True")


def test_other_verbs_and_options(ask: Any) -> None:
    # v1-behaviours 15.12
    assert ask("PUT", "/score", b"")[:2] == (405, {"message": "Method not allowed"})
    assert ask("OPTIONS", "/score")[:2] == (200, b"")
    assert ask("GET", "/")[:2] == (200, b"Healthy")
    assert ask("GET", "/swagger.json?version=4")[0] == 404


def test_parameters_of_a_schema_are_taken_by_name(schema: Path, tmp_path: Path) -> None:
    with served(tmp_path / "s", SCHEMA, path=schema) as (_, ask, state):
        assert state.state == "Healthy", state
        kind = {"Content_Type": "application/json"}
        # v1-behaviours 15.10, 15.17
        assert ask("POST", "/score", b'{"Inputs": [1, 2]}', **kind)[:2] == (200, {"Results": 6.0})
        assert ask("POST", "/score", b'{"Inputs": [1], "GlobalParameters": 3.0}', **kind)[1] == {"Results": 3.0}
        status, answer, _ = ask("POST", "/score", b"{}", **kind)
        assert (status, "Inputs" in answer["message"]) == (400, True)
        assert ask("POST", "/score", b"[1]", **kind)[0] == 400
        assert ask("POST", "/score", b"[" * 50_000, **kind)[0] == 400
        assert ask("POST", "/score", b"{}", Content_Type="text/plain")[0] == 415
        shown = ask("GET", "/swagger.json?version=2")[1]["definitions"]
        assert "Inputs" in shown["ServiceInput"]["properties"]
        assert "Results" in shown["ServiceOutput"]["properties"]


TABLES = """
import numpy as np, pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
def init(): pass
@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("table", PandasParameterType(pd.DataFrame({"a": [1], "b": ["x"]})))
@output_schema(NumpyParameterType(np.array([3.0])))
def run(data, table):
    return {"sums": data.sum(1).tolist(), "kind": type(table).__name__, "b": table["b"].tolist()}
"""
ASK = """
import json, sys
from pathlib import Path
from amlet.runtime.scoring.exchange import Request
from amlet.runtime.scoring.script import load
script = load(Path(sys.argv[1]), "score.py", log=lambda line: None)
for body in ({"data": [[1, 2], [3, 4]], "table": [{"a": 1, "b": "y"}]}, {"data": [[1]], "table": [{"a": 1, "b": "y"}]}):
    headers = {b"content-type": b"application/json"}
    item = script.read(Request("POST", "/score", "", headers, json.dumps(body).encode()))
    (response,) = script.answer([item])
    print(json.dumps([response.status, json.loads(response.body)]))
print(json.dumps(script.swagger(2)["definitions"]["ServiceInput"]["example"]))
"""


def test_arrays_and_tables_come_as_the_schema_has_them(python: Path, schema: Path, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(TABLES)
    variables = {**ENVIRONMENT, "PYTHONPATH": f"{SDK}{os.pathsep}{schema}"}
    argv = [str(python), "-c", ASK, str(tmp_path)]
    told = subprocess.run(argv, env=variables, capture_output=True, text=True, check=True).stdout
    right, narrow, example = map(json.loads, told.splitlines())
    # v1-behaviours 15.17
    assert right == [200, {"sums": [3.0, 7.0], "kind": "DataFrame", "b": ["y"]}]
    assert narrow[0] == 500
    assert example == {"data": [[1.0, 2.0]], "table": [{"a": 1, "b": "x"}]}


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("def init(): raise ValueError('no such file')\ndef run(data): pass", "init() of score.py raised: ValueError"),
        ("def init(): pass", "score.py has no run()"),
        ("import nothing_of_that_name", "score.py could not be imported: ModuleNotFoundError"),
        ("def init(): pass\ndef run(*data): pass", "run() has the parameter *data"),
        (
            "from azureml.contrib.services.aml_request import rawhttp\ndef init(): pass\n@rawhttp\ndef run(a, b): pass",
            "run() has the parameters a, b",
        ),
    ],
)
def test_a_script_that_cannot_serve_is_told_with_its_traceback(tmp_path: Path, script: str, told: str) -> None:
    with served(tmp_path / "s", script, path=SDK) as (process, _, state):
        assert state.state == "Failed"
        assert told in state.error
        assert (state.traceback is not None) == ("raised" in told or "imported" in told)
        if "raised" in told:
            first_frame = state.traceback.splitlines()[1]
            assert first_frame.endswith('score.py", line 1, in init')
        assert process.wait(20) == 3  # v1-behaviours 15.9


def test_a_script_that_hangs_is_told_and_the_service_lives_on(tmp_path: Path) -> None:
    script = "import threading\ndef init(): pass\ndef run(data):\n    if data: threading.Event().wait(60)\n"
    given = {"scoring_timeout_ms": 100, "max_wait_ms": 50, "max_concurrent": 2}
    with served(tmp_path / "s", script, **given) as (_, ask, _state):
        told = {"message": "Scoring timeout after 100 ms"}
        assert ask("POST", "/score", b"x")[:2] == (504, told)  # v1-behaviours 15.16
        assert ask("POST", "/score", b"")[:2] == (200, b"null")
        assert ask("GET", "/")[:2] == (200, b"Healthy")
