"""A real replica in a real environment with scikit-learn, asked over real sockets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amlet.domain.service_token import issue
from amlet.runtime.scoring.access import AccessFile
from amlet.runtime.scoring.rowwise import EXACT, ROUNDING
from support.replica import CAP, ENVIRONMENT, Replica, read_all, replica_of, until

ROW = [5.1, 3.5, 1.4, 0.2]

TRAIN = """
import joblib, pickle, sys, warnings
import numpy as np, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
X, y = load_iris(return_X_y=True)
joblib.dump(SVC(kernel="linear").fit(X, y), "svc.joblib")
names = np.array(["setosa", "versicolor", "virginica"])[y]
joblib.dump(LogisticRegression(max_iter=1000).fit(X, names), "logistic.joblib")
pickle.dump(DecisionTreeClassifier(random_state=0).fit(X, y), open("tree.pkl", "wb"))
joblib.dump(LinearRegression().fit(X[:, :2], X[:, 2:]), "outputs2.joblib")
people = pd.DataFrame({"age": [20.0, 60.0, 25.0, 70.0], "city": ["Brno", "Oslo", "Brno", "Oslo"]})
columns = ColumnTransformer([("city", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder="passthrough")
joblib.dump(make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(people, [0, 1, 0, 1]), "people.joblib")
texts = make_pipeline(CountVectorizer(), MultinomialNB()).fit(["good day", "bad day"], [1, 0])
joblib.dump(texts, "texts.joblib")
joblib.dump({"a": "dict"}, "dict.joblib")
open("broken.pkl", "wb").write(b"not a pickle")
old = SVC().fit(X, y)
import sklearn.base
sklearn.base.__version__ = "0.19.1"
pickle.dump(old, open("old.pkl", "wb"))
"""


@pytest.fixture(scope="session")
def models(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models é")
    subprocess.run([str(python), "-c", TRAIN], cwd=folder, env=ENVIRONMENT, check=True)
    return folder


@pytest.fixture(scope="session")
def replicas(python: Path, overlay: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Replicas by the model's name, one each for the whole session."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Replica] = {}

        def replica(name: str) -> Replica:
            if name not in started:
                folder = tmp_path_factory.mktemp(name)
                started[name] = stack.enter_context(replica_of(python, overlay, models / name, folder))
                state = started[name].state()
                assert state.state == "Healthy", state.traceback
            return started[name]

        yield replica


@pytest.fixture
def svc(replicas: Any) -> Replica:
    return replicas("svc.joblib")


def test_the_page_s_request_gets_the_page_s_answer(svc: Replica) -> None:
    assert svc.score({"data": [ROW], "method": "predict"}) == (200, {"predict": [0]})  # v1-behaviours 15.4, 15.5
    assert svc.ask("GET", "/")[:2] == (200, b"Healthy")  # v1-behaviours 15.12


def test_the_state_tells_the_facts_of_the_model(svc: Replica) -> None:
    facts = svc.state().facts
    assert facts["model"] == "SVC"
    assert facts["methods"] == ["predict", "decision_function"]  # no predict_proba: trained without
    assert facts["default_method"] == "predict"
    assert (facts["n_features"], facts["feature_names"], facts["warnings"]) == (4, None, [])
    assert re.match(r"\d+\.\d+", facts["sklearn"])


def test_the_default_method_is_predict_proba_where_the_model_has_it(replicas: Any) -> None:
    status, body = replicas("logistic.joblib").score({"data": [ROW, ROW]})  # v1-behaviours 15.4
    assert status == 200
    assert list(body) == ["predict_proba"]
    assert [len(row) for row in body["predict_proba"]] == [3, 3]
    assert replicas("logistic.joblib").score({"data": [ROW], "method": "predict"})[1] == {"predict": ["setosa"]}


def test_how_requests_share_calls_is_told(replicas: Any) -> None:
    assert replicas("svc.joblib").state().facts["sharing"] == {"how": EXACT, "alone": None, "alone_method": None}
    linear = replicas("logistic.joblib").state().facts["sharing"]
    assert linear == {"how": ROUNDING, "alone": None, "alone_method": None}  # a guard sees to its labels
    assert replicas("people.joblib").state().facts["sharing"]["how"] == EXACT
    assert "Requests that arrive together share calls: answers are those of each alone within rounding" in (
        replicas("logistic.joblib").log
    )


def test_a_model_of_another_version_than_trained_it_is_refused_with_both(
    python: Path, overlay: Path, models: Path, tmp_path: Path
) -> None:
    with replica_of(python, overlay, models / "svc.joblib", tmp_path / "r", trained_with="0.20.3") as replica:
        assert re.match(r"scikit-learn 0.20.3 trained the model, and \d+\.\S+ would serve", replica.state().error or "")


def test_two_outputs_come_as_rows(replicas: Any) -> None:
    status, body = replicas("outputs2.joblib").score({"data": [[5.1, 3.5]]})
    assert (status, [len(row) for row in body["predict"]]) == (200, [2])


def test_infinities_are_json_that_comes_back_as_infinity(replicas: Any) -> None:
    _, body = replicas("tree.pkl").score({"data": [ROW], "method": "predict_log_proba"})
    assert body == {"predict_log_proba": [[0.0, float("-inf"), float("-inf")]]}


@pytest.mark.parametrize(
    "data",
    [
        [{"city": "Oslo", "age": 61, "shoe": 43}, {"age": None, "city": "Brno"}],
        [[61, "Oslo"], [None, "Brno"]],
    ],
)
def test_a_model_of_named_columns_takes_objects_and_lists(replicas: Any, data: list[Any]) -> None:
    assert replicas("people.joblib").score({"data": data, "method": "predict"}) == (200, {"predict": [1, 0]})


def test_a_model_of_texts_takes_texts(replicas: Any) -> None:
    assert replicas("texts.joblib").score({"data": ["good"], "method": "predict"}) == (200, {"predict": [1]})


WRONG = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"\xff\xfe\xfa", "not JSON"),
    (b"[" * 50_000, "nested too deeply|not JSON"),
    ([ROW], "Expected a JSON object"),
    ({"rows": [ROW]}, "Expected a JSON object"),
    ({"data": None}, "'data' is null; expected a list of rows of 4 values each"),
    ({"data": []}, "holds no row"),
    ({"data": ROW}, r"Data\[0\] is a number; expected a list of rows of 4 values each"),
    ({"data": [ROW, ROW[:3]]}, r"Data\[1\] has 3 values; expected a list of rows of 4 values each"),
    ({"data": [ROW, {"a": 1}]}, r"Data\[1\] is an object"),
    ({"data": [[1, 2, 3, [4]]]}, "a list or an object"),
    ({"data": [[1, 2, 3, {}]]}, "neither a number"),
    ({"data": [ROW], "method": "predict_proba"}, 'no method "predict_proba"; it has predict, decision_function'),
    ({"data": [ROW], "method": "__reduce__"}, "no method"),
    ({"data": [ROW], "method": ["predict"]}, "no method"),
]


@pytest.mark.parametrize(("body", "told"), WRONG)
def test_a_bad_request_is_told_what_was_expected(svc: Replica, body: Any, told: str) -> None:
    status, answer = svc.score(body)
    assert status == 400
    assert re.search(told, answer["message"], re.IGNORECASE), answer


def test_a_missing_column_is_named(replicas: Any) -> None:
    status, answer = replicas("people.joblib").score({"data": [{"city": "Oslo"}]})
    assert (status, "'age'" in answer["message"]) == (400, True)


def test_what_the_model_raises_is_in_the_log_and_not_in_the_answer(svc: Replica) -> None:
    status, answer, headers = svc.ask("POST", "/score", {"data": [["a", "b", "c", "d"]]})
    # v1-behaviours 15.13
    told = "An unexpected error occurred in scoring script. Check the logs for more info."
    assert (status, answer) == (500, {"message": told})
    assert headers["x-ms-run-function-failed"] == "True"
    assert "could not convert string to float: 'a'" in svc.log
    assert "Traceback (most recent call last)" in svc.log


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/score", 200),
        ("GET", "/score", 405),
        ("PUT", "/score", 405),
        ("DELETE", "/", 405),
        ("HEAD", "/", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/swagger.json?version=4", 404),
    ],
)
def test_routes_and_verbs(svc: Replica, method: str, path: str, status: int) -> None:
    got, body, headers = svc.ask(method, path)  # v1-behaviours 15.12, 15.13
    assert got == status
    if status == 405:
        assert body == {"message": "Method not allowed"}
        assert headers["allow"]


def test_a_body_must_be_said_to_be_json(svc: Replica) -> None:
    status, answer = svc.score({"data": [ROW]}, Content_Type="text/plain")
    assert (status, answer) == (415, {"message": "Expects Content-Type to be application/json"})  # v1-behaviours 15.13
    assert svc.score({"data": [ROW]}, Content_Type="application/json; charset=utf-8")[0] == 200


def test_ids_are_given_back_or_made(svc: Replica) -> None:
    given = {"x_ms_request_id": "one", "x_ms_client_request_id": "two", "TraceId": "three"}
    _, _, headers = svc.ask("POST", "/score", {"data": [ROW]}, **given)  # v1-behaviours 15.14
    assert (headers["x-ms-request-id"], headers["x-ms-client-request-id"], headers["TraceId"]) == (
        "one",
        "two",
        "three",
    )
    assert headers["x-ms-run-function-failed"] == "False"
    assert float(headers["x-ms-run-fn-exec-ms"]) > 0
    assert len(svc.ask("GET", "/")[2]["x-ms-request-id"]) == 36
    assert svc.ask("GET", "/", x_ms_client_request_id="x" * 101)[0] == 431  # v1-behaviours 15.13


def test_swagger_tells_the_width_of_a_row(svc: Replica) -> None:
    two, three = svc.ask("GET", "/swagger.json?version=2")[1], svc.ask("GET", "/swagger.json?version=3")[1]
    assert (two["swagger"], three["openapi"][0]) == ("2.0", "3")
    for schema in (two["definitions"]["ServiceInput"], three["components"]["schemas"]["ServiceInput"]):
        assert schema["properties"]["data"]["items"]["minItems"] == 4
        assert schema["properties"]["method"]["enum"] == ["predict", "decision_function"]
        assert svc.score(schema["example"])[0] == 200


def test_one_connection_carries_many_requests(svc: Replica) -> None:
    with contextlib.closing(svc.connect()) as connection:
        for _ in range(3):
            connection.request("POST", "/score", json.dumps({"data": [ROW]}), {"Content-Type": "application/json"})
            assert connection.getresponse().read() == b'{"predict": [0]}'
            assert connection.sock is not None


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /score HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def test_pipelined_requests_are_answered_in_their_order(svc: Replica) -> None:
    one, two = json.dumps({"data": [ROW]}).encode(), json.dumps({"data": [[6.3, 3.3, 6.0, 2.5]]}).encode()
    back = svc.raw(post(one) + post(two) + b"GET / HTTP/1.1\r\n\r\n" + post(b"{") + post(one, "Connection: close"))
    assert re.findall(rb"HTTP/1.1 (\d+)", back) == [b"200", b"200", b"200", b"400", b"200"]
    assert re.findall(rb"\[(\d)\]", back) == [b"0", b"2", b"0"]


def test_a_large_body_is_answered_in_its_turn(python: Path, overlay: Path, models: Path, tmp_path: Path) -> None:
    with replica_of(python, overlay, models / "svc.joblib", tmp_path / "r", max_body_bytes=10_000_000) as replica:
        replica.state()
        many, one = json.dumps({"data": [ROW] * 20_000}).encode(), json.dumps({"data": [ROW]}).encode()
        back = replica.raw(post(many) + post(one) + post(one, "Connection: close"))
        answers = re.findall(rb"\r\ncontent-length: (\d+)", back)
        assert [int(size) > 1000 for size in answers] == [True, False, False]


def test_expect_100_continue_is_answered_before_the_body(svc: Replica) -> None:
    body = json.dumps({"data": [ROW]}).encode()
    with svc.socket() as client:
        head, _, _ = post(body, "Expect: 100-continue", "Connection: close").partition(b"\r\n\r\n")
        client.sendall(head + b"\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert b'{"predict": [0]}' in read_all(client)


def test_a_chunked_body_is_put_together(svc: Replica) -> None:
    head = b"POST /score HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    back = svc.raw(head + b'a\r\n{"data": [\r\n15\r\n[5.1, 3.5, 1.4, 0.2]]\r\n1\r\n}\r\n0\r\n\r\n')
    assert b'{"predict": [0]}' in back


def test_a_body_over_the_cap_is_refused_while_it_is_read(svc: Replica) -> None:
    assert svc.score(b"x" * (CAP + 1))[0] == 413
    assert svc.score(b" " * CAP)[0] == 400
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    head = b"POST /score HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    back = svc.raw(head + chunk * 13)
    assert back.startswith(b"HTTP/1.1 413 ")
    assert b'{"message": "The body is over the limit of 200000 bytes."}' in back


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"x" * 70_000, b"431"),
        (b"POST /score HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"200"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
    ],
)
def test_strange_clients_are_answered_and_closed(svc: Replica, sent: bytes, status: bytes) -> None:
    assert svc.raw(sent).startswith(b"HTTP/1.1 " + status)


def test_each_request_is_a_line_in_the_log(svc: Replica) -> None:
    svc.ask("GET", "/a%0Ab")
    assert re.search(r"^GET /a%0Ab 404 \d+\.\d\d ms$", until(lambda: "/a%0Ab" in svc.log and svc.log), re.MULTILINE)


def test_it_serves_without_uvloop_too(python: Path, models: Path, tmp_path: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    overlay = tmp_path / "overlay"
    argv = [uv, "pip", "install", "-q", "--python", sys.executable, "--target", str(overlay), "httptools"]
    subprocess.run(argv, check=True)
    with replica_of(python, overlay, models / "svc.joblib", tmp_path / "r") as replica:
        replica.state()
        assert replica.score({"data": [ROW]}) == (200, {"predict": [0]})
        assert replica.raw(b"POST /score HTTP/1.1\r\nContent-Length: 900000\r\n\r\n").startswith(b"HTTP/1.1 413")
        replica.process.terminate()
        assert replica.process.wait(timeout=10) == 0


def test_keys_are_asked_for_when_there_are_keys(python: Path, overlay: Path, models: Path, tmp_path: Path) -> None:
    keys = [hashlib.sha256(key.encode()).hexdigest() for key in ("first", "second")]
    given = {"key_hashes": keys, "token_secret": "s" * 64}
    with replica_of(python, overlay, models / "svc.joblib", tmp_path / "r", **given) as replica:
        assert replica.state().state == "Healthy"
        body = {"data": [ROW]}
        for wrong in ({}, {"Authorization": "Bearer third"}, {"Authorization": "first"}, {"Authorization": "Bearer "}):
            status, answer, headers = replica.ask("POST", "/score", body, **wrong)
            assert (status, headers["www-authenticate"], list(answer)) == (401, "Bearer", ["message"])
        assert replica.score(body, Authorization="Bearer first")[0] == 200
        assert replica.score(body, Authorization="Bearer second")[0] == 200
        valid, over = (issue("s" * 64, expires_at_s=int(time.time()) + more) for more in (60, -1))
        assert replica.score(body, Authorization=f"Bearer {valid}")[0] == 200
        assert replica.score(body, Authorization=f"Bearer {over}")[0] == 401
        assert replica.ask("GET", "/swagger.json")[0] == 401
        assert replica.ask("GET", "/metrics")[0] == 401
        AccessFile([hashlib.sha256(b"third").hexdigest()]).write(tmp_path / "r")
        until(lambda: replica.score(body, Authorization="Bearer third")[0] == 200)
        assert replica.score(body, Authorization="Bearer first")[0] == 401
        assert replica.ask("GET", "/")[0] == 200
        assert "first" not in replica.log
        assert (tmp_path / "r" / "replica.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken.pkl", "broken.pkl could not be loaded: "),
        ("dict.joblib", "holds an object of type 'dict', which has none of the methods"),
        ("gone.pkl", "There is no file gone.pkl"),
        ("", "must be one file that ends in"),
    ],
)
def test_a_model_that_does_not_load_is_told(
    python: Path, overlay: Path, models: Path, tmp_path: Path, name: str, told: str
) -> None:
    with replica_of(python, overlay, models / name, tmp_path / "r") as replica:
        assert replica.process.wait(timeout=60) == 3  # v1-behaviours 15.9
        state = replica.state()
        assert state.state == "Failed"
        assert state.error is not None and told in state.error
        assert "\n" not in state.error
        assert (state.traceback is not None) == (name == "broken.pkl")


def test_a_model_of_another_version_is_served_with_the_warning_kept(replicas: Any) -> None:
    facts = replicas("old.pkl").state().facts
    assert len(facts["warnings"]) == 1
    assert "0.19.1" in facts["warnings"][0]
    assert facts["warnings"][0].splitlines()[0] in replicas("old.pkl").log
    assert replicas("old.pkl").score({"data": [ROW]})[1] == {"predict": [0]}


def test_sigterm_finishes_what_is_in_flight_and_leaves_the_socket_to_others(
    python: Path, overlay: Path, models: Path, tmp_path: Path
) -> None:
    with replica_of(python, overlay, models / "svc.joblib", tmp_path / "r") as replica:
        replica.state()
        body = json.dumps({"data": [ROW]}).encode()
        with replica.socket() as idle, replica.socket() as busy:
            busy.sendall(post(body)[:-5])
            idle.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert idle.recv(1000).startswith(b"HTTP/1.1 200")
            replica.process.send_signal(signal.SIGTERM)
            assert idle.recv(1000) == b""
            busy.sendall(body[-5:])
            back = read_all(busy)
        assert b"connection: close" in back and b'{"predict": [0]}' in back
        assert replica.process.wait(timeout=10) == 0
        replica.socket().close()  # still listened to, by the one who opened it


def test_a_client_that_dawdles_does_not_hold_the_end_up(
    python: Path, overlay: Path, models: Path, tmp_path: Path
) -> None:
    with replica_of(python, overlay, models / "svc.joblib", tmp_path / "r") as replica:
        replica.state()
        with replica.socket() as busy:
            busy.sendall(b"POST /score HTTP/1.1\r\n")
            until(lambda: len(os.listdir(f"/proc/{replica.process.pid}/fd")) > 5)
            replica.process.terminate()
            assert replica.process.wait(timeout=15) == 0


def test_memory_and_descriptors_stay_flat(svc: Replica) -> None:
    def used() -> tuple[int, int]:
        status = Path(f"/proc/{svc.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        assert found is not None
        return int(found.group(1)), len(os.listdir(f"/proc/{svc.process.pid}/fd"))

    def load() -> None:
        for _ in range(60):
            assert svc.score(b" " * CAP)[0] == 400
            assert svc.score(b"x" * (CAP + 1))[0] == 413
            with svc.socket() as client:
                client.sendall(b"POST /score HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b" " * 50_000)

    load()
    before = used()
    load()
    until(lambda: used()[1] <= before[1])
    assert used()[0] - before[0] < 8_000


def test_what_a_model_imports_comes_from_its_own_environment_first(
    python: Path, overlay: Path, models: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "orjson.py").write_text("whose = 'mine'")
    (source / "score.py").write_text("import orjson\ndef init(): pass\ndef run(data): return orjson.whose\n")
    given = {"source": str(source), "entry_script": "score.py"}
    with replica_of(python, overlay, models / "svc.joblib", tmp_path / "r", **given) as replica:
        assert replica.state().state == "Healthy", replica.log
        assert replica.score(b"{}") == (200, "mine")
