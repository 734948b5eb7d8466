"""The least that a server of this kind can do: one route on Starlette and uvicorn, which keeps nothing."""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.place import clean_variables

TEXT = """
import sys
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
import uvicorn
async def health(request):
    await request.body()
    return JSONResponse({"status": "ok"})
uvicorn.run(Starlette(routes=[Route("/", health, methods=["GET", "POST"])]),
            port=int(sys.argv[1]), http="httptools", log_level="error", access_log=False)
"""
DEADLINE_S = 30.0


@contextmanager
def bare_server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start it and wait for its first answer.

    Returns:
        Its process and its port.
    """
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", TEXT, str(port)], env=clean_variables())
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the bare server did not answer within {DEADLINE_S:.0f} s")
            time.sleep(0.01)
        yield process, port
    finally:
        process.terminate()
        process.wait()


def exchange_ms(port: int, *, times: int = 100) -> float:
    """The median of one exchange with it, on a connection that is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"set_tags": {"tag": "a value"}})
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
        taken.append((time.perf_counter() - began) * 1000)
    connection.close()
    return statistics.median(taken)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
