"""Requests a second of one replica's process, beside what else serves the same model, under the load of `wrk`."""

from __future__ import annotations

import random
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from amlet.environments import overlays
from amlet.runtime.scoring.access import AccessFile
from amlet.runtime.scoring.files import ReplicaFile
from benchmarks.measure import Bar, Figure, pss_mb
from benchmarks.peers import cache_folder, peer
from benchmarks.place import Place, Skipped, clean_variables, run
from benchmarks.serving_peers import (
    ENTRY_SCRIPT,
    FOREST,
    INFERENCE_SERVER,
    OTHERS,
    SVC,
    TRAIN,
    UVICORN,
    Peer,
    Serving,
    body_of,
    serving,
    started,
)
from benchmarks.turns import by_turns
from benchmarks.wrk import Load, Wrk

REPLICA = Path(overlays.__file__).parents[1] / "runtime" / "scoring" / "replica.py"
ROW = [[5.1, 3.5, 1.4, 0.2]]

HOLDS_MODEL = """
import sys
import joblib
model = joblib.load(sys.argv[1])
model.predict([[5.1, 3.5, 1.4, 0.2]])
print("loaded", flush=True)
sys.stdin.read()
"""


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """One process of each side; peers start before their turns and end after them."""
    for part in (_one_row, _forest, _entry_script, _twin, _memory):
        try:
            yield from part(place)
        except Skipped as skipped:
            yield skipped


def _one_row(place: Place) -> Iterator[Figure | Skipped]:
    with ours(place, SVC) as mine:
        bars = {
            INFERENCE_SERVER: {1: Bar(), 16: Bar(ratio_at_least=10), 64: Bar()},
            UVICORN: {1: Bar(), 16: Bar(ratio_at_least=0.4), 64: Bar(ratio_at_least=0.5)},
        }
        for beside, bar_at in bars.items():
            with serving(beside, SVC, place.folder("peer")) as other:
                for connections, bar in bar_at.items():
                    loads, theirs = _pairs(place, mine, other, beside, ROW, connections)
                    name = f"SVC, one row, {connections} connections"
                    yield _rate(name, loads, beside, theirs, bar)
                    if beside is INFERENCE_SERVER and connections == 1:
                        half = [[load.p50_ms for load in side] for side in (loads, theirs)]
                        yield Figure(
                            f"{name}, median", "ms", half[0], beside.name, half[1], Bar(ours=0.5), is_peer=True
                        )
                    if beside is INFERENCE_SERVER and connections == 16:
                        slow = [[load.p99_ms for load in side] for side in (loads, theirs)]
                        yield Figure(f"{name}, 99th", "ms", slow[0], beside.name, slow[1], Bar(ours=10), is_peer=True)
        for beside in OTHERS:
            try:
                with serving(beside, SVC, place.folder("peer")) as other:
                    loads, theirs = _pairs(place, mine, other, beside, ROW, 16)
            except (Skipped, RuntimeError) as error:
                yield Skipped(f"{beside.name}: {error}")
                continue
            yield _rate("SVC, one row, 16 connections", loads, beside, theirs, Bar(ratio_at_least=1))


def _forest(place: Place) -> Iterator[Figure]:
    beside = INFERENCE_SERVER
    with ours(place, FOREST) as mine, serving(beside, FOREST, place.folder("peer")) as other:
        loads, theirs = _pairs(place, mine, other, beside, ROW, 16)
        yield _rate("forest, one row, 16 connections", loads, beside, theirs, Bar(ratio_at_least=4.5))
        loads, theirs = _pairs(place, mine, other, beside, _many(), 16)
        yield _rate("forest, 1,000 rows, 16 connections", loads, beside, theirs, Bar(ratio_at_least=1))


def _entry_script(place: Place) -> Iterator[Figure]:
    beside = INFERENCE_SERVER
    with ours(place, SVC, entry_script=True) as mine, serving(beside, SVC, place.folder("peer")) as other:
        for connections, bar in ((1, Bar(ratio_at_least=1)), (16, Bar(ratio_at_least=1.5))):
            loads, theirs = _pairs(place, mine, other, beside, ROW, connections)
            yield _rate(f"entry script of an SVC, one row, {connections} connections", loads, beside, theirs, bar)


def _twin(place: Place) -> Iterator[Figure]:
    beside = INFERENCE_SERVER
    twin = ours(place, FOREST, also=("skl2onnx", "onnxruntime"), accelerate=True)
    with twin as mine, serving(beside, FOREST, place.folder("peer")) as other:
        loads, theirs = _pairs(place, mine, other, beside, ROW, 16)
        yield _rate("accelerated forest, one row, 16 connections", loads, beside, theirs, Bar(ratio_at_least=40))
        loads, theirs = _pairs(place, mine, other, beside, _many(), 16)
        yield _rate("accelerated forest, 1,000 rows, 16 connections", loads, beside, theirs, Bar(ratio_at_least=3))


def _memory(place: Place) -> Iterator[Figure]:
    folder = place.folder("holds")
    python = _python(())
    run([python, "-c", TRAIN], folder=folder)
    with ours(place, SVC) as mine:
        process = subprocess.Popen(
            [str(python), "-c", HOLDS_MODEL, str(folder / f"{SVC}.joblib")],
            env=clean_variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            sides = by_turns([lambda: pss_mb(mine.process.pid), lambda: pss_mb(process.pid)])
        finally:
            process.kill()
            process.wait()
    yield Figure("memory of a replica", "MB", sides[0], "a Python that holds the model", sides[1], Bar(over=15))


def _pairs(
    place: Place, mine: Serving, other: Serving, beside: Peer, rows: list[list[float]], connections: int
) -> tuple[list[Load], list[Load]]:
    sides: list[Callable[[], Load]] = []
    for server, which in ((mine, None), (other, beside)):
        wrk = Wrk(place.folder("load"), body_of(which, rows))
        sides.append(lambda wrk=wrk, server=server: wrk(server.url, connections))  # type: ignore[misc]
    first, second = by_turns(sides)
    return first, second


def _rate(name: str, loads: list[Load], beside: Peer, theirs: list[Load], bar: Bar) -> Figure:
    note = f"median {_middle(loads):.2f} ms beside {_middle(theirs):.2f} ms"
    rates = [[load.requests_s for load in side] for side in (loads, theirs)]
    return Figure(name, "requests/s", rates[0], beside.name, rates[1], bar, beside is not UVICORN, note)


def _middle(loads: list[Load]) -> float:
    return sorted(load.p50_ms for load in loads)[len(loads) // 2]


@contextmanager
def ours(
    place: Place, model: str, *, entry_script: bool = False, also: tuple[str, ...] = (), accelerate: bool = False
) -> Iterator[Serving]:
    """Our replica's process, with nothing around it."""
    folder = place.folder("replica")
    python = _python(also)
    run([python, "-c", TRAIN], folder=folder)
    models = folder / "azureml-models"
    models.mkdir()
    (folder / f"{model}.joblib").rename(models / f"{model}.joblib")
    overlay = overlays.overlay(cache_folder() / "overlays", python, lambda _: None)
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        AccessFile().write(folder)
        order = ReplicaFile(listening.fileno(), str(models / f"{model}.joblib"), overlay=str(overlay))
        if entry_script:
            (folder / "score.py").write_text(ENTRY_SCRIPT)
            order = order._replace(source=str(folder), entry_script="score.py")
        order._replace(accelerate=accelerate).write(folder)
        found = started(
            [str(python), str(REPLICA), str(folder)],
            f"http://127.0.0.1:{listening.getsockname()[1]}/score",
            body_of(None, ROW),
            folder,
            (listening.fileno(),),
            AZUREML_MODEL_DIR=str(models),
        )
        yield stack.enter_context(found)


def _python(also: tuple[str, ...]) -> Path:
    return peer("scikit-learn", "import joblib, sklearn", also=("joblib", *also))


def _many() -> list[list[float]]:
    seeded = random.Random(0)
    return [[round(seeded.uniform(0, 8), 1) for _ in range(4)] for _ in range(1000)]
