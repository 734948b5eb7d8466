"""One run over many nodes: worker processes of a cluster of two, on a real server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.base.errors import InvalidInput
from support.pair import HELLO, Pair
from support.runs import finish, submit_script
from support.server import RealServer, until

MPI = {"node_count": 2, "communicator": "IntelMpi"}

FAILS = """
import os, pathlib, time
if os.environ["RANK"] == "1":
    raise ValueError("no luck")
time.sleep(600)
"""

WAITS = """
import os, pathlib, signal, sys, time
def told(*_):
    print("told to end", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, told)
pathlib.Path({folder!r}, os.environ["RANK"]).write_text(str(os.getpid()))
while not pathlib.Path({folder!r}, "go").exists():
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    server = RealServer(tmp_path_factory.mktemp("spread") / "home")
    try:
        yield Pair(server.start())
    finally:
        server.close()


def test_each_process_has_its_rank_and_its_log_and_what_all_left_is_kept(pair: Pair, tmp_path: Path) -> None:
    run = finish(pair.client, pair.submit(tmp_path, HELLO, **MPI))

    assert (run.status, run.error) == ("Completed", None)
    # v1-behaviours 3.7
    assert pair.text(run, "user_logs/std_log_0.txt") == "0 2 0 0 1 0 2 0 2 IntelMpi\n"
    assert pair.text(run, "user_logs/std_log_1.txt") == "1 2 0 1 1 1 2 0 2 IntelMpi\n"
    assert sorted(pair.client.runs.metrics(pair.workspace_id, run.id).values["rank"]) == [0, 1]
    assert pair.files(run) == [
        "logs/node_1/own.txt",
        "logs/own.txt",
        "outputs/of_0.txt",
        "outputs/of_1.txt",
        "outputs/same.txt",
        "user_logs/std_log_0.txt",
        "user_logs/std_log_1.txt",
    ]
    assert pair.text(run, "outputs/same.txt") == "rank 0"
    assert "outputs/same.txt of node 1" in " ".join(said.message for said in run.warnings)


def test_one_node_runs_several_processes_of_a_job(pair: Pair, tmp_path: Path) -> None:
    run = submit_script(pair.client, tmp_path, HELLO, processes_per_node=3, communicator="Gloo")
    run = finish(pair.client, run)

    assert (run.status, run.error) == ("Completed", None)
    told = [pair.text(run, f"user_logs/std_log_{rank}.txt") for rank in range(3)]
    assert told == [f"{rank} 3 {rank} 0 3 None None None 1 Gloo\n" for rank in range(3)]
    assert sorted(pair.client.runs.metrics(pair.workspace_id, run.id).values["rank"]) == [0, 1, 2]


def test_two_nodes_run_two_processes_each(pair: Pair, tmp_path: Path) -> None:
    run = finish(pair.client, pair.submit(tmp_path, HELLO, processes_per_node=2, **MPI))

    assert (run.status, run.error) == ("Completed", None)
    told = [pair.text(run, f"user_logs/std_log_{rank}.txt") for rank in range(4)]
    assert told == [f"{rank} 4 {rank % 2} {rank // 2} 2 {rank} 4 {rank % 2} 2 IntelMpi\n" for rank in range(4)]


@pytest.mark.parametrize("spread", [{"node_count": 2}, {"node_count": 1, "processes_per_node": 2}])
def test_a_rank_that_fails_ends_all_and_the_run_names_it(pair: Pair, tmp_path: Path, spread: dict[str, int]) -> None:
    run = finish(pair.client, pair.submit(tmp_path, FAILS, **{**MPI, **spread}))

    assert run.status == "Failed"
    assert run.error is not None
    assert run.error.message == "Rank 1: User program failed with ValueError: no luck (script.py:4)"
    assert run.error.exit_code == 1
    assert "no luck" in pair.text(run, "user_logs/std_log_1.txt")


def test_a_cancel_reaches_every_rank(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "flags").mkdir()
    run = pair.submit(tmp_path / "src", WAITS.format(folder=str(tmp_path / "flags")), **MPI)
    pair.pids(tmp_path / "flags", 2)

    pair.client.runs.cancel(pair.workspace_id, run.id)

    run = finish(pair.client, pair.run(run))
    assert run.status == "Canceled"
    assert [pair.text(run, f"user_logs/std_log_{rank}.txt") for rank in range(2)] == ["told to end\n"] * 2


def test_a_gang_waits_for_all_its_nodes_and_is_not_overtaken(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "flags").mkdir()
    alone = "import os\nos.environ['RANK'] = '0'\n" + WAITS.format(folder=str(tmp_path / "flags"))
    first = pair.submit(tmp_path / "first", alone)
    pair.pids(tmp_path / "flags", 1)
    gang = pair.submit(tmp_path / "gang", HELLO, **MPI)
    later = pair.submit(tmp_path / "later", "print('later')")

    def said() -> str | None:
        why = pair.run(gang).waiting_for or ""
        return why if "1 is free" in why else None

    assert "needs 2 nodes at once, 1 is free" in until(said, what="the reason for waiting")
    assert pair.run(later).status == "Queued"
    (tmp_path / "flags" / "go").touch()

    done = [finish(pair.client, pair.run(run)) for run in (first, gang, later)]
    assert [run.status for run in done] == ["Completed"] * 3
    started = [run.started for run in done]
    assert all(started)
    assert started == sorted(started, key=str)


def test_more_nodes_than_the_target_may_have_are_refused(pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="needs 3 nodes at once, and pair has at most 2"):
        pair.submit(tmp_path, HELLO, node_count=3, communicator="IntelMpi")
    with pytest.raises(InvalidInput, match="local has at most 1"):
        submit_script(pair.client, tmp_path / "local", HELLO, **MPI)


def test_the_end_of_a_ranks_process_by_a_signal_is_told_and_retried_as_the_job_says(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "flags").mkdir()
    text = WAITS.format(folder=str(tmp_path / "flags"))
    run = pair.submit(tmp_path / "src", text, retries=1, retry_codes=[137], **MPI)
    pair.pids(tmp_path / "flags", 2)
    os.kill(int((tmp_path / "flags" / "1").read_text()), signal.SIGKILL)
    until(lambda: pair.run(run).past, what="the end of the first attempt")
    (tmp_path / "flags" / "go").touch()

    run = finish(pair.client, pair.run(run))
    assert (run.status, run.attempt) == ("Completed", 2)
    assert run.past[0].error.message.startswith("Rank 1: The script ended without a result: killed by signal 9")
    assert "user_logs/attempt_1/std_log_0.txt" in pair.files(run)
