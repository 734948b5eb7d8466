"""The server's start, and what it and its node hold while nothing runs."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from amlet.base.paths import Home
from benchmarks.bare_server import bare_server
from benchmarks.measure import Bar, Figure, interleaved, pss_mb, timed_ms
from benchmarks.place import Place, start_server, stop_server

DEADLINE_S = 30.0

T = TypeVar("T")


def figures(place: Place) -> Iterator[Figure]:
    """Beside one route on Starlette and uvicorn."""
    with place.other_home() as home:
        held: list[float] = []
        bare_held: list[float] = []

        def start() -> float:
            took = timed_ms(lambda: start_server(home).close())
            node = _node(home)
            _settled(node)
            held.append(pss_mb(_server_pid(home)) + pss_mb(node))
            stop_server(home)
            return took

        def bare() -> float:
            began = time.perf_counter()
            with bare_server() as (process, _):
                took = (time.perf_counter() - began) * 1000
                bare_held.append(pss_mb(process.pid))
            return took

        ours, floor = interleaved(start, bare)
        what = "one route on Starlette and uvicorn"
        yield Figure("server start to first answer", "ms", ours, what, floor, Bar(ours=1500))
        yield Figure("server and node, idle PSS", "MB", held[1:], what, bare_held[1:], Bar(ours=90))


def _server_pid(home: Home) -> int:
    return int(json.loads(home.server_file.read_text())["pid"])


def _node(home: Home) -> int:
    def look() -> int | None:
        with contextlib.suppress(OSError, ValueError):
            pid = int(json.loads((home.nodes / "local" / "process.json").read_text())["pid"])
            return pid if Path(f"/proc/{pid}").exists() else None
        return None

    return _wait_for(look, "the node")


def _settled(pid: int) -> None:
    """Wait until a process has done what it does at its start: it used no time for a second."""

    def busy() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = -1
    while busy() != before:
        before = busy()
        time.sleep(1.0)


def _wait_for(look: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come about within {DEADLINE_S:.0f} s")
        time.sleep(0.01)
