"""`python -m benchmarks.soak [MINUTES]`: small runs in a loop; memory and descriptors of server and node must be flat.

One JSON line every hundred runs. It fails when the last third of the figures lies above the first third by more than
what caches and the allocator explain.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from amlet.base.paths import Home
from amlet.client.connection import Client
from amlet.client.local_server import LocalServer
from amlet.client.server_file import ServerFile
from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.wire.runs import SubmitRun, WatchQuery
from amlet.wire.server import StopServer
from amlet.wire.workspaces import EnsureWorkspace

EACH = 100
RSS_SLOPE_KB_A_RUN = 5.0
"""2,000 runs may cost 10 MB: SQLite's page cache fills up to its bound in the first of them."""

DESCRIPTORS = 5
SCRIPT = """
from azureml.core import Run
run = Run.get_context()
for number in range(10):
    run.log("value", number)
    print("line", number)
open("outputs/kept.txt", "w").write("kept")
"""


class Sample(NamedTuple):
    """How large a process is after so many runs."""

    runs: int
    rss_kb: int
    descriptors: int


def main(minutes: float) -> int:
    """Run for so long; 1 when something grows."""
    for name in [key for key in os.environ if key.startswith(("AMLET_", "AZUREML_"))]:
        del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="amlet-soak-") as folder:
        home = Home(Path(folder, "home"))
        client = LocalServer(home).connect()
        try:
            return _soak(client, home, Path(folder, "source"), minutes)
        finally:
            client.server.stop(StopServer(cancel_runs=True))
            client.close()
            _wait_for_end(home)


def _soak(client: Client, home: Home, source: Path, minutes: float) -> int:
    source.mkdir()
    workspace = client.workspaces.ensure(EnsureWorkspace("s", "g", "soak")).workspace.id
    samples: dict[str, list[Sample]] = {"server": [], "node": []}
    ends = time.monotonic() + minutes * 60
    runs = 0
    while time.monotonic() < ends or len(samples["server"]) < 6:
        _one(client, workspace, source, runs)
        runs += 1
        if runs % EACH == 0:
            for who, pid in _pids(home).items():
                samples[who].append(_sample(pid, runs))
            print(
                json.dumps({"runs": runs, **{who: found[-1]._asdict() for who, found in samples.items()}}), flush=True
            )
    good = True
    for who, found in samples.items():
        slope_kb, more = _growth(found)
        ok = slope_kb <= RSS_SLOPE_KB_A_RUN and more <= DESCRIPTORS
        good = good and ok
        print(json.dumps({"name": f"soak/{who}", "runs": runs, "kb_a_run": round(slope_kb, 2), "fds": more, "ok": ok}))
    return 0 if good else 1


def _one(client: Client, workspace: str, source: Path, number: int) -> None:
    (source / "train.py").write_text(f"{SCRIPT}# {number}\n")
    snapshot = scan(source)
    job = Job(EnvironmentSpec("own", user_managed=True, interpreter=sys.executable), "", script="train.py")
    asked = SubmitRun("soak", job, snapshot.entries, f"soak-{number}")
    run = submit_with_blobs(
        lambda: client.runs.submit(workspace, asked), client, workspace, sources_of(source, snapshot.entries)
    ).run
    while run is not None and not run.is_over:
        run = client.runs.watch(workspace, run.id, WatchQuery(run.revision, 20.0)).run
    if run is None or run.status != "Completed":
        raise RuntimeError(f"run {number} ended as {run.status if run else None}: {run.error if run else None}")


def _pids(home: Home) -> dict[str, int]:
    server = ServerFile.read(home.server_file)
    assert server is not None, "a server that answers has told its address"
    node = json.loads((home.nodes / "local" / "process.json").read_text())
    return {"server": server.pid, "node": int(node["pid"])}


def _sample(pid: int, runs: int) -> Sample:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Sample(runs, pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def _growth(samples: list[Sample]) -> tuple[float, int]:
    """KB a run between the first and the last third, and descriptors more; the warm-up of the first sample apart."""
    samples = samples[1:]
    third = max(1, len(samples) // 3)
    first, last = samples[:third], samples[-third:]
    runs = statistics.mean(held.runs for held in last) - statistics.mean(held.runs for held in first)
    grown_kb = statistics.median(held.rss_kb for held in last) - statistics.median(held.rss_kb for held in first)
    more = max(held.descriptors for held in last) - max(held.descriptors for held in first)
    return grown_kb / max(1.0, runs), more


def _wait_for_end(home: Home) -> None:
    deadline = time.monotonic() + 30
    while (found := ServerFile.read(home.server_file)) and found.is_alive and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
