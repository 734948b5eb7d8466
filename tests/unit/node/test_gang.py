"""A node's part of a run: its ranks, what it starts, the names of what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amlet.domain.artifact import Entry, Tree
from amlet.domain.environment import EnvironmentSpec, lock_of
from amlet.domain.job import Job, Lease, Share
from amlet.domain.run import RunError
from amlet.node.gang import Part, Start, address_towards
from amlet.runtime.attempt import JobFile
from amlet.wire.nodes import LeaseState, RenewLease

SDK = Path("/home/sdk")
START = Start(["10.0.0.1", "10.0.0.2"], 4711)
FOLDER = Path("/attempt")


def _part(node_rank: int | None = None, **job: Any) -> Part:
    made = Job(EnvironmentSpec("e"), "s", script="train.py", arguments=["--c", "1"], **job)
    lock = lock_of("3.11", "linux-x86_64", "", [], notes=[])
    lease = Lease("w", "r", 1, "x", made, lock, Tree("s", []), Share(4, 1 << 30), "token", 15.0, {}, node_rank)
    parts: Any = SimpleNamespace(sdk=SDK, name="n")
    return Part(parts, lease)


def test_a_run_of_one_process_is_started_as_ever() -> None:
    part = _part()

    assert part.variables(Start(["127.0.0.1"], 1)) == {}
    assert part.job_file() == JobFile("train.py", ["--c", "1"], None)
    assert part.program(FOLDER) == ["/home/sdk/amlet/runtime/bootstrap.py", "/attempt"]
    assert part.logs(FOLDER, FOLDER / "out") == [
        (FOLDER / "out", "user_logs/std_log.txt"),
        (FOLDER / "job_prep.txt", "azureml-logs/65_job_prep.txt"),
    ]
    assert (part.is_first, part.is_alone, part.words) == (True, True, "")
    assert part.share == Share(4, 1 << 30)
    error = RunError("UserError", "bad")
    assert part.named(error, FOLDER) == error


def test_the_first_process_of_a_node_has_the_rank_that_follows_those_of_the_nodes_before() -> None:
    part = _part(1, node_count=2, processes_per_node=3, communicator="OpenMpi")
    told = part.variables(START)

    assert {name: told[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "NODE_RANK", "LOCAL_WORLD_SIZE")} == {
        "RANK": "3",
        "WORLD_SIZE": "6",
        "LOCAL_RANK": "0",
        "NODE_RANK": "1",
        "LOCAL_WORLD_SIZE": "3",
    }
    assert (told["MASTER_ADDR"], told["MASTER_PORT"]) == ("10.0.0.1", "4711")
    assert told["AZ_BATCH_MASTER_NODE"] == "10.0.0.1:4711"
    assert (told["OMPI_COMM_WORLD_RANK"], told["OMPI_COMM_WORLD_SIZE"]) == ("3", "6")
    assert part.program(FOLDER) == ["/home/sdk/amlet/runtime/launch.py", "/attempt", "3", "3"]
    assert [name for _, name in part.logs(FOLDER, FOLDER / "out")] == [
        "user_logs/std_log_3.txt",
        "user_logs/std_log_4.txt",
        "user_logs/std_log_5.txt",
        "user_logs/launch_1.txt",
        "azureml-logs/65_job_prep_node_1.txt",
    ]
    assert part.share.cores == 1
    assert part.words == "2 nodes with 3 processes each"


def test_processes_of_torch_have_no_variables_of_mpi() -> None:
    told = _part(0, node_count=2, communicator="Gloo").variables(START)

    assert told["AZUREML_FRAMEWORK"] == "PyTorch"
    assert not [name for name in told if name.startswith("OMPI")]


def test_the_script_listens_for_the_nodes_that_help_it() -> None:
    first, second = (_part(rank, node_count=2, communicator="Joblib") for rank in (0, 1))

    assert first.variables(START)["AMLET_JOBLIB_LISTEN"] == "10.0.0.1:4711"
    assert second.variables(START)["AMLET_JOBLIB_ADDRESS"] == "10.0.0.1:4711"
    assert "RANK" not in first.variables(START)
    assert first.job_file().script == "train.py"
    assert second.job_file() == JobFile("/home/sdk/amlet/runtime/joblib_nodes/worker.py", ["train.py"], None)
    assert [part.logs(FOLDER, FOLDER)[0][1] for part in (first, second)] == [
        "user_logs/std_log.txt",
        "user_logs/std_log_1.txt",
    ]


def test_what_a_further_node_leaves_does_not_hide_the_first_ones() -> None:
    part = _part(1, node_count=2, communicator="IntelMpi")

    found = part.entries([Entry("logs/a.txt", "a" * 64, 1), Entry("outputs/b.txt", "b" * 64, 1)])
    assert [entry.path for entry in found] == ["logs/node_1/a.txt", "outputs/b.txt"]
    assert part.journal_name("1-2-3.jsonl") == "node-1-1-2-3.jsonl"


@pytest.mark.parametrize(("noted", "who"), [({"rank": 5}, "Rank 5"), ({}, "Node 1"), (None, "Node 1")])
def test_an_error_names_the_process_that_it_is_of(tmp_path: Path, noted: dict[str, int] | None, who: str) -> None:
    if noted is not None:
        (tmp_path / "result.json").write_text(json.dumps(noted))
    part = _part(1, node_count=2, processes_per_node=3, communicator="IntelMpi")

    named = part.named(RunError("UserError", "bad"), tmp_path)
    assert named is not None
    assert named.message == f"{who}: bad"


def test_a_renewal_says_what_the_node_knows_so_that_news_come_at_once() -> None:
    part = _part(1, node_count=2, communicator="IntelMpi")
    state = LeaseState(cancel=False, lease_s=15.0, stop=True, others=1)
    part.hear(state)

    asked = part.renewal(RenewLease(1, "n", 5.0))
    assert (asked.node_rank, asked.known) == (1, state)
    assert part.is_stopped


def test_a_nodes_address_is_the_one_towards_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_towards("http://127.0.0.1:8000") == "127.0.0.1"
    monkeypatch.setenv("AMLET_NODE_ADDRESS", "10.1.2.3")
    assert address_towards("http://127.0.0.1:8000") == "10.1.2.3"
