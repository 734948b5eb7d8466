"""The replica's process: `<python of the model's build> replica.py <replica folder>`.

It loads the model, writes `state.json`, and answers on the listening socket that it inherited until SIGTERM. It ends
with 0 after SIGTERM, with 3 when the model cannot be served.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # In place of this file's own folder, whose names are not for everyone to import.
    sys.path[0] = str(Path(__file__).resolve().parents[3])

import asyncio
import contextlib
import gc
import importlib
import os
import resource
import signal
import socket
import traceback
from typing import Any, Callable, Dict, List, NoReturn, Optional

from amlet.runtime.scoring import script
from amlet.runtime.scoring.access import Access
from amlet.runtime.scoring.app import App
from amlet.runtime.scoring.capture import Capture, parquet_writer
from amlet.runtime.scoring.dispatch import Dispatcher
from amlet.runtime.scoring.exchange import read_json_by
from amlet.runtime.scoring.files import ReplicaFile, ReplicaState
from amlet.runtime.scoring.hand_over import offer
from amlet.runtime.scoring.loading import check_version, load
from amlet.runtime.scoring.metrics import Metrics
from amlet.runtime.scoring.model import ModelNotLoaded
from amlet.runtime.scoring.nocode import NoCode
from amlet.runtime.scoring.protocol import Connections, Limits
from amlet.runtime.scoring.rowwise import Sharing, sharing_of
from amlet.runtime.scoring.samples import Sample
from amlet.runtime.scoring.scorer import Scorer
from amlet.runtime.scoring.script import ScriptNotLoaded
from amlet.runtime.scoring.twin import accelerate

NOT_LOADED = 3
"""The exit code of a replica whose model cannot be served (v1-behaviours 15.9)."""

DRAIN_S = 5.0
"""How long requests in flight may take after SIGTERM."""


def main(folder: Path) -> int:
    """Serve until told to stop; the process's exit code."""
    order = ReplicaFile.read(folder)
    if order.overlay is not None:
        sys.path.insert(1, order.overlay)
    try:
        from httptools import HttpRequestParser

        read_json_by(_fast_json())
        if order.overlay is not None:
            # What the model and the script import comes from their own environment first.
            sys.path.remove(order.overlay)
            sys.path.append(order.overlay)
        access = Access(folder)
        scorer = _scorer(order)
        capture = _capture(folder, order)
    except (ModelNotLoaded, ScriptNotLoaded) as error:
        return _fail(folder, str(error), error.trace)
    except ImportError as error:
        return _fail(folder, f"The replica's own packages are not whole: {error}.", traceback.format_exc())
    facts = scorer.facts()
    for note in facts["warnings"]:
        _log(note)
    counts = folder / order.counts
    counts.mkdir(mode=0o700, exist_ok=True)
    app = App(scorer, access, Metrics(counts, order.name), cors_origins=order.cors_origins, capture=capture)
    admits = access.is_routed if access.has_router else None
    return _serve(folder, order, app, facts, HttpRequestParser, admits)


def _scorer(order: ReplicaFile) -> Scorer:
    if order.entry_script is not None:
        return script.load(Path(order.source), order.entry_script, log=_log, max_calls=order.max_concurrent or 1)
    path = Path(order.model_path)
    model = load(path, framework=order.framework, trusted=order.trusted, method=order.method)
    check_version(order.trained_with)
    sample = Sample.read(order.sample_request, order.sample_answer)
    if sample is not None:
        sample.check(model)
    rows = sample.data if sample is not None else None
    if order.accelerate:
        _log(accelerate(model, rows).told)
    sharing = sharing_of(model, rows) if order.batching else Sharing(None, "the deployment says so")
    _log(sharing.shown())
    return NoCode(model, sharing, log=_log, sample=sample)


def _capture(folder: Path, order: ReplicaFile) -> Optional[Capture]:
    if order.capture is None:
        return None
    place = folder / order.captures
    capture = Capture(parquet_writer(place), **order.capture, log=_log)
    _log(f"What is captured goes to {place}.")
    return capture


def _serve(folder: Path, order: ReplicaFile, app: App, facts: Dict[str, Any], parser: Any, admits: Any) -> int:
    _raise_open_files()
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda _, context: _log(f"{context['message']}: {context.get('exception')!r}"))
    dispatcher = Dispatcher(
        app,
        loop,
        timeout_ms=order.scoring_timeout_ms,
        max_wait_ms=order.max_wait_ms,
        batching=order.batching,
    )
    lines = _TurnLog(loop)
    limits = Limits(order.max_body_bytes)
    connections = Connections(dispatcher, limits, parser, lines.add, processes=app.processes, admits=admits)
    listening = socket.socket(fileno=order.socket_fd)
    listening.setblocking(False)
    listening.set_inheritable(False)
    stop = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.cancel)

    def ready() -> Callable[[], None]:
        _healthy(folder, facts)
        return offer(loop, folder, listening)

    loop.run_until_complete(_until(stop, connections, listening, app, ready))
    app.metrics.write()
    lines.write()
    if app.capture is not None:
        app.capture.close()
    # No loop.close(): a prediction that outlived the drain must not hold the end up.
    sys.stdout.flush()
    os._exit(0)


async def _until(stop: Any, connections: Connections, listening: socket.socket, app: App, ready: Any) -> None:
    loop = asyncio.get_event_loop()
    server = await loop.create_server(connections.connection, sock=listening, backlog=1024)
    no_longer = ready()
    while not stop.done():
        await asyncio.wait([stop], timeout=1.0)
        connections.sweep()
        app.refresh()
        connections.share_with(app.processes)
        app.metrics.write()
    no_longer()
    server.close()
    connections.drain()
    deadline = loop.time() + DRAIN_S
    while connections.open and loop.time() < deadline:
        await asyncio.sleep(0.01)
        connections.sweep()


def _healthy(folder: Path, facts: Dict[str, Any]) -> None:
    # What is loaded stays: without this every full collection walks through all of scikit-learn between two answers.
    gc.collect()
    gc.freeze()
    _log(f"Healthy: {facts['shown']}")
    ReplicaState("Healthy", facts).write(folder)


def _fail(folder: Path, sentence: str, trace: Any) -> int:
    _log((trace or "").rstrip("\n") or sentence)
    ReplicaState("Failed", error=sentence, traceback=trace).write(folder)
    return NOT_LOADED


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        loop: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
    except ImportError:
        return asyncio.new_event_loop()
    return loop


def _fast_json() -> Any:
    """The overlay's `orjson.loads`, kept apart: a script that imports orjson gets its own environment's."""
    try:
        loads = importlib.import_module("orjson").loads
    except ImportError:
        return None
    for name in [name for name in sys.modules if name.partition(".")[0] == "orjson"]:
        del sys.modules[name]
    return loads


def _raise_open_files() -> None:
    # Half-open connections are descriptors, and must not keep good ones out.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536) if hard > 0 else soft, hard))


class _TurnLog:
    """Lines of requests, written once a turn of the loop: a system call for each showed in the answers a second."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lines: List[str] = []

    def add(self, line: str) -> None:
        if not self._lines:
            self._loop.call_soon(self.write)
        self._lines.append(line)

    def write(self) -> None:
        if self._lines:
            _log("\n".join(self._lines))
            self._lines = []


def _log(line: str) -> None:
    # One write a line, that a full disk cannot end the replica with.
    with contextlib.suppress(OSError):
        os.write(1, line.encode("utf-8", "backslashreplace") + b"\n")


def _end() -> NoReturn:
    sys.exit(main(Path(sys.argv[1])))


if __name__ == "__main__":
    _end()
