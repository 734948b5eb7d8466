"""./outputs of a run that goes on: seen from outside, used from inside, settled by its end."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.base.errors import NotFound
from amlet.client.connection import Client
from amlet.domain.run import Run
from amlet.wire.files import FileQuery
from amlet.wire.models import ModelQuery
from support.runs import finish, submit_script
from support.server import RealServer, until

WAIT = """
import os, sys, time
FLAGS = {flags!r}

def wait(name):
    open(os.path.join(FLAGS, name + ".here"), "w").close()
    while not os.path.exists(os.path.join(FLAGS, name)):
        time.sleep(0.02)
"""

SEEN_S = 90.0
"""Outputs of a script at work are a courtesy at low priority: on a busy machine they come late."""


class Place:
    def __init__(self, server: RealServer, folder: Path) -> None:
        self.server = server
        self.client: Client = server.client(patience_s=60)
        self.folder = folder
        self.flags = folder / "flags"
        self.flags.mkdir(parents=True)
        self._runs: list[Run] = []

    def submit(self, text: str) -> Run:
        run = submit_script(self.client, self.folder / "source", WAIT.format(flags=str(self.flags)) + text)
        self._runs.append(run)
        return run

    def close(self) -> None:
        """End what a test that failed left waiting: the next one needs the node."""
        for run in self._runs:
            if not self.client.runs.get(run.workspace_id, run.id).run.is_over:
                self.client.runs.cancel(run.workspace_id, run.id)

    def go_on(self, name: str) -> None:
        (self.flags / name).touch()

    def reached(self, name: str) -> None:
        until((self.flags / f"{name}.here").exists, what=f"the script at {name}")

    def outputs(self, run: Run) -> dict[str, bytes]:
        found = {}
        for file in self.client.runs.get(run.workspace_id, run.id).files:
            if file.path.startswith("outputs/"):
                with (
                    contextlib.suppress(NotFound),  # the script removed it since
                    self.client.runs.file(run.workspace_id, run.id, FileQuery(file.path)) as body,
                ):
                    found[file.path[len("outputs/") :]] = body.read()
        return found


@pytest.fixture
def place(shared_server: RealServer, tmp_path: Path) -> Iterator[Place]:
    place = Place(shared_server, tmp_path / "it's a place")
    yield place
    place.close()


def said(run: Run) -> list[str]:
    return [warning.message for warning in run.warnings if warning.source == "outputs"]


def test_outputs_are_seen_while_the_run_goes_on_and_its_end_settles_them(place: Place) -> None:  # complaint 16
    run = place.submit(
        """
os.makedirs("outputs/deep")
open("outputs/deep/a.txt", "w").write("one")
open("outputs/passing", "w").write("x")
wait("first")
open("outputs/deep/a.txt", "w").write("two, longer")
os.remove("outputs/passing")
wait("second")
open("outputs/last", "w").write("last")
"""
    )
    until(
        lambda: place.outputs(run) == {"deep/a.txt": b"one", "passing": b"x"}, what="the first outputs", seconds=SEEN_S
    )
    assert not place.client.runs.get(run.workspace_id, run.id).run.is_over
    place.go_on("first")
    until(lambda: place.outputs(run) == {"deep/a.txt": b"two, longer"}, what="the changed outputs", seconds=SEEN_S)
    place.go_on("second")
    ended = finish(place.client, run)
    assert ended.status == "Completed", ended.error
    assert said(ended) == []
    assert place.outputs(run) == {"deep/a.txt": b"two, longer", "last": b"last"}


def test_a_script_finds_at_once_what_it_has_just_written(place: Place) -> None:  # complaint 16
    run = place.submit(
        """
from azureml.core import Run
run = Run.get_context()
for number in range(3):
    open("outputs/model.pkl", "w").write("model %d" % number)
    model = run.register_model("written", "outputs/model.pkl")
    open("outputs/flushed", "w").write("flushed %d" % number)
    run.flush()
    assert "outputs/flushed" in run.get_file_names()
    run.download_file("outputs/flushed", "back")
    assert open("back").read() == "flushed %d" % number
    os.remove("back")
    model.download("downloaded", exist_ok=True)
    assert open("downloaded/model.pkl").read() == "model %d" % number
    time.sleep(1.1)
open("outputs/by_name", "w").write("early")
time.sleep(5)
open("late", "w").write("late")
run.upload_file("outputs/by_name", "late")
os.remove("outputs/by_name")
os.remove("late")
import shutil
shutil.rmtree("downloaded")
"""
    )
    ended = finish(place.client, run)
    assert ended.status == "Completed", ended.error
    assert said(ended) == []
    assert place.outputs(run) == {"model.pkl": b"model 2", "flushed": b"flushed 2", "by_name": b"late"}
    models = place.client.models.list(run.workspace_id, ModelQuery("written")).models
    assert len(models) == 3


def test_a_model_is_made_of_a_folder_that_something_writes_to_beside_it(place: Place) -> None:
    run = place.submit(
        """
import threading
from azureml.core import Run
run = Run.get_context()
def write():
    with open("outputs/log", "w") as log:
        while not done:
            log.write("x" * 100_000)
            log.flush()
            time.sleep(0.001)
done = []
thread = threading.Thread(target=write)
thread.start()
os.makedirs("outputs/model")
for number in range(3):
    open("outputs/model/%d" % number, "w").write("x" * 100_000)
    run.register_model("beside", "outputs/model")
done.append(1)
thread.join()
"""
    )
    ended = finish(place.client, run)
    assert ended.status == "Completed", ended.error


def test_thousands_of_files_come_in_batches_and_an_end_waits_for_none(place: Place) -> None:
    run = place.submit(
        """
for number in range(2000):
    open("outputs/%04d" % number, "w").write(str(number))
wait("seen")
with open("outputs/large", "wb") as large:
    for number in range(40):
        large.write(bytes([number]) * (1 << 20))
wait("large")
"""
    )
    files = until(
        lambda: len(place.outputs(run)) > 300 and place.client.runs.get(run.workspace_id, run.id).files,
        what="more files than come in one batch",
        seconds=SEEN_S,
    )
    assert len(files) < 2000
    place.go_on("seen")
    place.reached("large")
    place.client.runs.cancel(run.workspace_id, run.id)
    ended = finish(place.client, run)
    assert ended.status == "Canceled"
    kept = {file.path: file.size_bytes for file in place.client.runs.get(run.workspace_id, run.id).files}
    assert kept["outputs/large"] == 40 << 20
    assert len([path for path in kept if path.startswith("outputs/")]) == 2001


def test_outputs_follow_when_the_server_is_back(fresh_server: RealServer, tmp_path: Path) -> None:
    place = Place(fresh_server, tmp_path / "away")
    run = place.submit(
        """
wait("away")
open("outputs/a", "w").write("written while the server was away")
wait("back")
"""
    )
    place.reached("away")
    fresh_server.signal(signal.SIGKILL)
    assert fresh_server.process is not None
    fresh_server.process.wait(10)
    place.go_on("away")
    place.reached("back")
    fresh_server.start()
    place = Place(fresh_server, tmp_path / "back")
    until(lambda: place.outputs(run) == {"a": b"written while the server was away"}, what="the outputs", seconds=SEEN_S)
    (tmp_path / "away" / "flags" / "back").touch()
    assert finish(place.client, run).status == "Completed"
