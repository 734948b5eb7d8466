"""Control groups: the kernel's own limits, on the machine's own files, where it lets us make groups.

The node is handed a group of the test's, as a service manager would do it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.domain.job import Share
from amlet.node.cgroups import ROOT, VARIABLE, Cgroup, make_cgroup
from amlet.node.memory import machine_bytes
from amlet.wire.computes import CreateCompute
from support.runs import finish, submit_script, workspace_id
from support.server import RealServer, until

MIB = 1 << 20

FILLS = "import sys\nsys.stdin.read()\nheld = bytearray(b'x') * (256 << 20)\nprint(len(held))"
TURNS = """
import os, sys, time
sys.stdin.read()
if os.fork() == 0:  # what it starts is held too
    sys.argv.append("child")
until = time.monotonic() + 1.5
while time.monotonic() < until:
    pass
if "child" not in sys.argv:
    os.wait()
    told = os.times()
    print(told.user + told.system + told.children_user + told.children_system)
"""
SPIKE = """
import time
print("began", flush=True)
held = bytearray(b"x") * ({bytes_} + (64 << 20))  # at once: between two looks of the node
print("too much")
"""


def _folders(path: str) -> list[Path]:
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT / path.strip("/")]
    return [ROOT / controller / path.strip("/") for controller in ("memory", "cpu")]


def _delegated(path: str) -> None:
    """Make a group that may be divided: of version 2 with both controllers, version 1 in both trees."""
    for folder in _folders(path):
        folder.mkdir()
    if (ROOT / "cgroup.controllers").exists():
        (ROOT / "cgroup.subtree_control").write_text("+memory +cpu")


@pytest.fixture
def handed_over() -> Iterator[str]:
    """The name of a group that may be divided."""
    path = f"/amlet-test-{uuid.uuid4().hex[:8]}"
    try:
        try:
            _delegated(path)
        except OSError as error:
            pytest.skip(f"no control groups can be made on this machine: {error}")
        yield path
    finally:
        for folder in _folders(path):
            for below in (*folder.glob("amlet-*"), folder):
                with contextlib.suppress(FileNotFoundError):
                    until(lambda below=below: not (below / "cgroup.procs").read_text(), what=f"the end of {below}")
                    below.rmdir()


def _held(group: Cgroup, text: str) -> subprocess.Popen[str]:
    """A process under a group's limits, which then goes on."""
    process = subprocess.Popen(
        [sys.executable, "-c", text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    group.add(process.pid)
    return process


@pytest.mark.alone
def test_the_kernel_ends_who_takes_more_memory_and_the_group_tells_it(handed_over: str) -> None:
    share, named = Share(1, 128 * MIB), {VARIABLE: handed_over}
    small = make_cgroup("small", share, memory_bytes=128 * MIB, variables=named)
    large = make_cgroup("large", share, memory_bytes=None, variables=named)
    assert small is not None and large is not None

    ended = [_held(group, FILLS) for group in (small, large)]
    told = [process.communicate("")[0] for process in ended]

    assert [process.returncode for process in ended] == [-9, 0]
    assert told == ["", f"{256 * MIB}\n"]
    assert (small.kills, large.kills) == (1, 0)
    for group in (small, large):
        group.remove()
    assert not [below for folder in _folders(handed_over) for below in folder.glob("amlet-*")]


@pytest.mark.alone
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a machine of one core has nothing to divide")
def test_processes_of_a_job_have_together_no_more_processor_time_than_its_cores(handed_over: str) -> None:
    group = make_cgroup("slow", Share(1, MIB), memory_bytes=None, variables={VARIABLE: handed_over})
    assert group is not None
    folder = _folders(handed_over)[-1] / "amlet-slow"
    process = _held(group, TURNS)
    began = time.monotonic()
    used_s = float(process.communicate("")[0])
    took_s = time.monotonic() - began

    assert process.returncode == 0
    assert used_s < 1.15 * took_s
    told = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    assert int(told["nr_periods"]) > 0  # counted for a group that has a limit
    group.remove()


def test_a_run_that_takes_too_much_at_once_ends_out_of_memory(handed_over: str, tmp_path: Path) -> None:
    server = RealServer(tmp_path / "home")
    try:
        server.start(**{VARIABLE: handed_over})
        client = server.client()
        nodes = max(2, machine_bytes() // (300 * MIB))
        asked = CreateCompute("AmlCompute", "STANDARD_D2_V2", max_nodes=nodes, idle_s=60)
        client.computes.create(workspace_id(client), "small", asked)
        text = SPIKE.format(bytes_=machine_bytes() // nodes)
        run = finish(client, submit_script(client, tmp_path / "source", text, target="small"))

        assert run.status == "Failed"
        assert run.error is not None
        assert "out of memory: used " in run.error.message
        assert run.error.exit_code == 137
        until(
            lambda: not [below for folder in _folders(handed_over) for below in folder.glob("amlet-*")],
            what="the end of the run's group",
        )
    finally:
        server.close()
