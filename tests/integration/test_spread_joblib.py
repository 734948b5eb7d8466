"""An unmodified script's joblib over two nodes: scikit-learn in a build of its own, on a real server."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from amlet.domain.environment import EnvironmentSpec
from amlet.domain.run import Run
from amlet.runtime.joblib_nodes.channel import Channel, Closed, key_of
from amlet.runtime.joblib_nodes.hub import Hub
from support.pair import Pair
from support.runs import finish
from support.server import RealServer, until

SPREAD = {
    "node_count": 2,
    "communicator": "Joblib",
    "environment": EnvironmentSpec("learning", python="3.11", pip=["scikit-learn", "pandas"]),
}

# Each part prints one line; what a task returns of its folder tells on which node it ran.
SCRIPT = """
import os, sys, time
sys.path.insert(0, os.path.join(os.getcwd(), "parts"))
import inner
import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
import beside

class Own:
    def __init__(self, value):
        self.value = value

def where(number):
    time.sleep(0.1)
    return number, os.getcwd(), Own(number)

print("jobs", effective_n_jobs(-1))
found = Parallel(n_jobs=-1)(delayed(where)(number) for number in range(20))
print("order", [each[0] for each in found] == list(range(20)), {type(each[2]) is Own for each in found})
print("nodes", len({each[1] for each in found}))

print("modules", set(Parallel(n_jobs=-1)(delayed(beside.double)(inner.two()) for _ in range(8))))
print("later modules", set(Parallel(n_jobs=-1)(delayed(inner.two)() for _ in range(8))))

def fails(number):
    if number == 7:
        raise LookupError("seven")
    time.sleep(0.05)

try:
    Parallel(n_jobs=-1)(delayed(fails)(number) for number in range(40))
except LookupError as error:
    print("error", error, "fails(number)" in str(error.__cause__) or "in fails" in str(error.__cause__))

def nested(number):
    return effective_n_jobs(-1), sum(Parallel(n_jobs=-1)(delayed(abs)(-each) for each in range(3)))

print("nested", set(Parallel(n_jobs=-1)(delayed(nested)(number) for number in range(8))))

large = np.random.RandomState(0).rand(400, 1000)
def row(array, number):
    return os.getcwd(), float(array[number].sum()), array.flags.writeable

found = Parallel(n_jobs=-1)(delayed(row)(large, number) for number in range(400))
print("arrays", np.allclose([each[1] for each in found], large.sum(axis=1)), {each[2] for each in found})
large[:] = 1.0
found = Parallel(n_jobs=-1)(delayed(row)(large, number) for number in range(400))
print("changed arrays", {each[1] for each in found})

turned = np.asfortranarray(np.arange(400_000.0).reshape(400, 1000))
def same(array, number):
    return bool((array == np.arange(400_000.0).reshape(400, 1000)).all()), array.flags.f_contiguous

print("order in memory", set(Parallel(n_jobs=-1)(delayed(same)(turned, number) for number in range(20))))
print("threads", Parallel(n_jobs=2, backend="threading")(delayed(os.getcwd)() for _ in range(2)) == [os.getcwd()] * 2)

import signal
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.5)
began = time.monotonic()
try:
    Parallel(n_jobs=-1)(delayed(time.sleep)(60) for _ in range(4))
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - began < 10)
print("after", len({each[1] for each in Parallel(n_jobs=-1)(delayed(where)(number) for number in range(40))}))
"""

SEARCH = """
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
X, y = load_iris(return_X_y=True, as_frame=True)
found = GridSearchCV(SVC(), {"C": [0.1, 1, 10], "gamma": [0.1, 1]}, cv=3, n_jobs=-1).fit(X, y)
alone = GridSearchCV(SVC(), {"C": [0.1, 1, 10], "gamma": [0.1, 1]}, cv=3).fit(X, y)
scores = [list(search.cv_results_["mean_test_score"]) for search in (found, alone)]
print(found.best_params_ == alone.best_params_, scores[0] == scores[1])
print(RandomForestClassifier(n_estimators=20, n_jobs=-1, random_state=0).fit(X, y).score(X, y) > 0.9)
"""

LOSES = """
import os, time
from joblib import Parallel, delayed

def slow(number):
    time.sleep(0.2)
    with open({seen!r}, "a") as file:
        file.write(os.getcwd() + "\\n")
    return number

print(Parallel(n_jobs=-1)(delayed(slow)(number) for number in range(60)) == list(range(60)))
"""

WAITS = """
import time
from joblib import Parallel, delayed
print("begun", flush=True)
Parallel(n_jobs=-1)(delayed(time.sleep)(600) for _ in range(4))
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    server = RealServer(tmp_path_factory.mktemp("spread") / "home")
    try:
        yield Pair(server.start())
    finally:
        server.close()


def _processes(pair: Pair, text: bytes) -> list[int]:
    found = []
    for pid in pair.server.marked():
        with contextlib.suppress(OSError):
            if text in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def _helper(pair: Pair) -> int:
    """The worker's own process on the node that helps."""
    for pid in pair.server.marked():
        with contextlib.suppress(OSError):
            told = Path(f"/proc/{pid}/environ").read_bytes()
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"AMLET_JOBLIB_ADDRESS=" in told and b"bootstrap.py" in line:
                return pid
    raise AssertionError("no node helps")


def test_a_script_spreads_over_nodes_as_it_does_over_the_cores_of_one(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "beside.py").write_text("def double(value):\n    return 2 * value\n")
    (tmp_path / "parts" / "inner.py").write_text("def two():\n    return 2\n")

    run = finish(pair.client, pair.submit(tmp_path, SCRIPT, **SPREAD))

    told = pair.text(run, "user_logs/std_log.txt")
    assert (run.status, run.error) == ("Completed", None), told
    assert told.splitlines() == [
        "jobs 2",
        "order True {True}",
        "nodes 2",
        "modules {4}",
        "later modules {2}",
        "error seven True",
        "nested {(1, 3)}",
        "arrays True {False}",
        "changed arrays {1000.0}",
        "order in memory {(True, True)}",
        "threads True",
        "interrupted True",
        "after 2",
    ]
    assert "Helping 127.0.0.1:" in pair.text(run, "user_logs/std_log_1.txt")
    assert not [said for said in run.warnings if "helping" in said.message or said.source == "outputs"]


def test_a_grid_search_finds_what_it_finds_alone(pair: Pair, tmp_path: Path) -> None:
    run = finish(pair.client, pair.submit(tmp_path, SEARCH, **SPREAD))

    assert (run.status, run.error) == ("Completed", None)
    assert pair.text(run, "user_logs/std_log.txt") == "True True\nTrue\n"


@pytest.mark.parametrize("what", ["worker", "process"])
def test_the_tasks_of_a_worker_that_was_killed_run_elsewhere(pair: Pair, tmp_path: Path, what: str) -> None:
    seen = tmp_path / "seen"
    run = pair.submit(tmp_path / "src", LOSES.format(seen=str(seen)), **SPREAD)
    until(lambda: seen.exists() and len(set(seen.read_text().splitlines())) == 2, what="tasks on both nodes")
    worker = _helper(pair)
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    os.kill(worker if what == "worker" else int(children[-1]), signal.SIGKILL)

    run = finish(pair.client, pair.run(run))

    assert (run.status, run.error) == ("Completed", None)
    assert pair.text(run, "user_logs/std_log.txt").splitlines()[-1] == "True"
    if what == "worker":
        assert "stopped helping" in " ".join(said.message for said in run.warnings)
    else:
        assert "A batch was lost" in pair.text(run, "user_logs/std_log_1.txt")


@pytest.mark.every_fault
def test_the_run_goes_on_when_a_node_that_helps_is_lost(pair: Pair, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    text = LOSES.format(seen=str(seen)).replace("range(60)", "range(100)")
    run: Run = pair.submit(tmp_path / "src", text, **SPREAD)
    until(lambda: seen.exists() and len(set(seen.read_text().splitlines())) == 2, what="tasks on both nodes")
    worker = _helper(pair)
    node = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(node, signal.SIGKILL)
    os.killpg(worker, signal.SIGKILL)

    run = finish(pair.client, pair.run(run))

    assert (run.status, run.error) == ("Completed", None)
    assert pair.text(run, "user_logs/std_log.txt").splitlines()[-1] == "True"


def test_a_cancel_leaves_no_process_behind_on_any_node(pair: Pair, tmp_path: Path) -> None:
    run = pair.submit(tmp_path, WAITS, **SPREAD)

    def begun() -> bool:
        return any(file.path.endswith("std_log.txt") for file in pair.client.runs.get(pair.workspace_id, run.id).files)

    until(begun, what="its first line")
    pair.client.runs.cancel(pair.workspace_id, run.id)

    assert finish(pair.client, pair.run(run)).status == "Canceled"
    until(lambda: not _processes(pair, b"loky"), what="the end of all processes")


def test_how_short_the_tasks_of_one_call_are_says_nothing_of_the_next_ones() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hub = Hub(listening, b"key", cores=1, node_count=1)
        started: list[Future[object]] = []

        def start(_: object) -> Future[object]:
            started.append(Future())
            return started[-1]

        short = hub.begin(start, 1)
        done = [hub.submit(short, number) for number in range(4)]
        started[0].set_result(None)  # at once: what waits is given ahead from now on
        assert len(started) == 3
        for each in started[1:3]:
            each.set_result(None)
        started[3].set_result(None)
        assert [each.done() for each in done] == [True] * 4
        hub.end(short, abort=False)
        started.clear()

        long = hub.begin(start, 1)
        for number in range(4):
            hub.submit(long, number)
        assert len(started) == 1
        hub.end(long, abort=True)
        hub.close()


@pytest.mark.parametrize("token", ["token", "guess"])
def test_who_does_not_know_the_token_gets_no_further_than_the_proof(token: str) -> None:
    good = token == "token"
    script, worker = (Channel(end) for end in _tcp_pair())
    found: list[bool] = []
    proof = threading.Thread(target=lambda: found.append(worker.prove(key_of(token, "host:1"), is_script=False)))
    proof.start()
    assert script.prove(key_of("token", "host:1"), is_script=True) is good
    proof.join(10)
    assert found == [good]
    if good:
        worker.send(8, 7, b"ab", b"c" * 100_000)
        assert script.receive() == (8, 7, b"ab" + b"c" * 100_000)
    worker.close()
    with pytest.raises(Closed):
        script.receive()
    script.close()


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        return listening.accept()[0], client
