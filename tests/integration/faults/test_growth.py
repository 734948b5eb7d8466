"""What runs leave in the server and the node: descriptors, memory; and logs that are large or fast."""

from __future__ import annotations

from pathlib import Path

from support.faults import Scene
from support.server import until

LARGE_MB = 200
RSS_GROWTH_MB = 90
"""A 200 MB log passes through in pieces of at most 16 MB, of which a few may be on their way."""

LOUD = """
import os
block = b"".join(b"%07d " % number + b"x" * 91 + b"\\n" for number in range(10_486))
for _ in range(MEGABYTES):
    os.write(1, block[: 1 << 20])
"""

FAST = """
import time
until, number, lines = time.monotonic() + 2, 0, []
while time.monotonic() < until:
    for _ in range(200):
        print(number)
        number += 1
print("printed", number)
"""


def test_fifty_runs_leave_no_descriptor_open(scene: Scene):
    for number in range(10):
        scene.submit("print('hi')", name=f"first-{number}")
    scene.settled()
    before = {who: _descriptors(scene.pids(who)[0]) for who in ("server", "node")}

    for number in range(50):
        scene.submit("print('hi')", name=f"more-{number}")
    scene.settled(60)

    for who, count in before.items():
        until(lambda who=who, count=count: _descriptors(scene.pids(who)[0]) <= count + 3, seconds=10, what=who)


def test_a_log_of_200_megabytes_passes_in_bounded_memory(scene: Scene):
    scene.submit("print('hi')", name="warm")
    scene.settled()
    pids = {who: scene.pids(who)[0] for who in ("server", "node")}
    before = {who: _peak_mb(pid) for who, pid in pids.items()}

    run = scene.submit(LOUD.replace("MEGABYTES", str(LARGE_MB)), name="loud")
    ended = scene.settled(60)[-1]

    assert ended.status == "Completed", ended.error
    held = scene.client.runs.get(scene.workspace_id, run.id).files
    assert {file.path: file.size_bytes for file in held}["user_logs/std_log.txt"] == LARGE_MB << 20
    for who, pid in pids.items():
        assert _peak_mb(pid) - before[who] < RSS_GROWTH_MB, who


def test_all_lines_of_a_script_that_prints_as_fast_as_it_can_arrive_in_order(scene: Scene):
    run = scene.submit(FAST, name="fast")

    assert scene.settled(60)[-1].status == "Completed"
    *lines, last = scene.text(run, "user_logs/std_log.txt").decode().splitlines()
    assert lines == [str(number) for number in range(int(last.removeprefix("printed ")))]


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} is gone")
