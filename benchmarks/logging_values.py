"""`run.log` inside a job beside `os.write` of the same JSON line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from benchmarks.logging_kinds import job_variables
from benchmarks.measure import Bar, Figure
from benchmarks.place import Place, run

CHILD = """
import json, os, statistics, sys, time
from azureml.core import Run
CALLS, PAIRS = 5000, 15
run = Run.get_context()
assert type(run).__name__ != "_OfflineRun"
plain = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
def ours(value, step):
    run.log("training loss", value, step=step)
def floor(value, step):
    os.write(plain, (json.dumps({"n": "training loss", "k": "scalar", "v": value, "s": step, "t": time.time()})
                     + "\\n").encode())
def block(call):
    ticks, clock = [], time.perf_counter_ns
    for number in range(CALLS):
        value = number / 7
        began = clock()
        call(value, number)
        ticks.append(clock() - began)
    ticks.sort()
    return [ticks[CALLS // 2] / 1000, ticks[CALLS * 99 // 100] / 1000]
block(ours), block(floor)
told = {"ours": [], "floor": []}
for _ in range(PAIRS):
    told["ours"].append(block(ours))
    told["floor"].append(block(floor))
print(json.dumps(told))
"""


def figures(place: Place) -> Iterator[Figure]:
    """The median call and the 99th of a hundred, over blocks of 5,000 calls by turns in one process."""
    folder = place.folder("log")
    text = run([sys.executable, "-c", CHILD, folder / "plain"], folder=folder, **job_variables(folder))
    told = json.loads(text.splitlines()[-1])
    for place_in_block, name in ((0, "run.log"), (1, "run.log, p99")):
        yield Figure(
            name,
            "us",
            [block[place_in_block] for block in told["ours"]],
            "os.write of json.dumps",
            [block[place_in_block] for block in told["floor"]],
            Bar(ratio=1.5),
        )
