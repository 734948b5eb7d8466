"""Jobs get the cores and the memory of their share, and no more."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from amlet.domain.run import Run
from amlet.node.memory import machine_bytes
from amlet.wire.computes import CreateCompute
from amlet.wire.files import FileQuery
from support.runs import OWN_PYTHON, finish, submit_script, workspace_id
from support.server import RealServer, until

TELLS = """
import json, os, pathlib, time
meet = pathlib.Path({meet!r})
(meet / str(os.getpid())).touch()
deadline = time.monotonic() + 20
while len(list(meet.iterdir())) < {many} and time.monotonic() < deadline:
    time.sleep(0.01)
names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT", "PYTHON_CPU_COUNT")
print(json.dumps([len(list(meet.iterdir())), sorted(os.sched_getaffinity(0)), [os.environ.get(n) for n in names]]))
"""

GROWS = """
import subprocess, sys, time
held = []
def grow():
    while True:
        held.append(bytearray(b"x") * (16 << 20))
        time.sleep(0.02)
if len(sys.argv) > 1 or {alone}:
    grow()
subprocess.run([sys.executable, __file__, "child"], start_new_session=True)
"""

SHARES = """
import os, time
data = bytearray(b"x") * ({part_bytes} // 2)
children = []
for _ in range(4):
    pid = os.fork()
    if not pid:
        time.sleep(1.5)
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
print("shared")
"""


@pytest.fixture
def target(fresh_server: RealServer):
    """Makes compute targets."""
    client = fresh_server.client()

    def make(name: str, max_nodes: int, size: str = "STANDARD_D2_V2") -> str:
        asked = CreateCompute("AmlCompute", size, max_nodes=max_nodes, idle_s=60)
        client.computes.create(workspace_id(client), name, asked)
        return name

    return make


def _log(server: RealServer, run: Run) -> str:
    with server.client().runs.file(run.workspace_id, run.id, FileQuery("user_logs/std_log.txt")) as body:
        return body.read().decode()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a machine of one core has nothing to divide")
def test_two_jobs_at_once_have_cores_of_their_own_and_the_threads_of_their_share(
    fresh_server: RealServer, tmp_path: Path, target
):
    client, cores = fresh_server.client(), len(os.sched_getaffinity(0))
    name, meet = target("halves", 2, "STANDARD_D14_V2"), tmp_path / "meet"
    meet.mkdir()
    text = TELLS.format(meet=str(meet), many=2)
    both = [submit_script(client, tmp_path / f"job {number}", text, target=name) for number in range(2)]

    ended = [finish(client, run) for run in both]

    assert [run.status for run in ended] == ["Completed"] * 2, [run.error for run in ended]
    told = [json.loads(_log(fresh_server, run)) for run in both]
    assert [met for met, _, _ in told] == [2, 2]
    assert [len(bound) for _, bound, _ in told] == [cores // 2] * 2
    assert not set(told[0][1]) & set(told[1][1])
    assert [names for _, _, names in told] == [[str(cores // 2)] * 5] * 2


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a child of another session"])
def test_a_job_over_its_memory_ends_failed_with_what_it_used(
    alone: bool, fresh_server: RealServer, tmp_path: Path, target
):
    client, most = fresh_server.client(), max(2, machine_bytes() // (300 << 20))
    run = submit_script(client, tmp_path / "grows", GROWS.format(alone=alone), target=target("small", most))

    ended = finish(client, run)

    assert ended.status == "Failed"
    assert ended.error is not None
    assert "out of memory: used " in ended.error.message
    assert ended.error.exit_code == 137
    until(lambda: len(fresh_server.marked()) <= 3, seconds=10, what="the end of all that the job started")


def test_memory_that_forked_processes_share_counts_once(fresh_server: RealServer, tmp_path: Path, target):
    client, most = fresh_server.client(), max(2, machine_bytes() // (300 << 20))
    text = SHARES.format(part_bytes=machine_bytes() // most)
    run = submit_script(client, tmp_path / "shares", text, target=target("small", most))

    ended = finish(client, run)

    assert ended.status == "Completed", ended.error


def test_a_runs_own_variables_win_over_those_of_its_share(fresh_server: RealServer, tmp_path: Path):
    from amlet.client.snapshot import scan
    from amlet.client.uploads import sources_of, submit_with_blobs
    from amlet.domain.job import Job
    from amlet.wire.runs import SubmitRun

    client, folder = fresh_server.client(), tmp_path / "own"
    folder.mkdir()
    (folder / "train.py").write_text("import os\nprint(os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS'])")
    workspace, snapshot = workspace_id(client), scan(folder)
    job = Job(
        OWN_PYTHON._replace(variables={"MKL_NUM_THREADS": "7"}), "", "train.py", variables={"OMP_NUM_THREADS": "9"}
    )
    asked = SubmitRun("quick", job, snapshot.entries, "own-variables")
    answer = submit_with_blobs(
        lambda: client.runs.submit(workspace, asked), client, workspace, sources_of(folder, snapshot.entries)
    )
    assert answer.run is not None

    assert finish(client, answer.run).status == "Completed"
    assert _log(fresh_server, answer.run) == "9 7\n"
