"""Load by `wrk`: one request over and over, on connections that are kept."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from benchmarks.place import Skipped

WINDOW_S = 1
"""How long one side is asked in its turn: short, so that what else the machine does falls on both."""

SCRIPT = """
local file = io.open(BODY, "r")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = file:read("*a")
file:close()
done = function(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write
               + summary.errors.status + summary.errors.timeout
  print(string.format('{"requests": %d, "us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}', summary.requests,
    summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
"""


class Load(NamedTuple):
    """What one window showed."""

    requests_s: float
    p50_ms: float
    p99_ms: float


class Wrk:
    """Sends one body. Its files lie in a folder."""

    def __init__(self, folder: Path, body: bytes) -> None:
        """
        Raises:
            Skipped: where there is no wrk.
        """
        program = shutil.which("wrk")
        if program is None:
            raise Skipped("wrk is not installed: `apt-get install wrk`")
        self._program = program
        (folder / "body.json").write_bytes(body)
        self._script = folder / "post.lua"
        self._script.write_text(f"BODY = {json.dumps(str(folder / 'body.json'))}\n{SCRIPT}")

    def __call__(self, url: str, connections: int) -> Load:
        """Ask for one window.

        Raises:
            RuntimeError: when a request failed, or none was answered.
        """
        arguments = [self._program, "-t1", f"-c{connections}", f"-d{WINDOW_S}s", "--timeout", "30s"]
        ended = subprocess.run(
            [*arguments, "-s", str(self._script), url], capture_output=True, text=True, timeout=60, check=False
        )
        told = json.loads(ended.stdout.strip().splitlines()[-1]) if ended.returncode == 0 else {"failed": 1}
        if told["failed"] or not told["requests"]:
            raise RuntimeError(f"{url} failed under load: {ended.stdout[-500:]}{ended.stderr[-500:]}")
        return Load(told["requests"] / told["us"] * 1e6, told["p50_us"] / 1000, told["p99_us"] / 1000)
