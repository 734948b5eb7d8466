"""How a run's container is called, and what its script sees."""

from __future__ import annotations

import re
from pathlib import Path

from amlet.domain.artifact import Tree
from amlet.domain.environment import EnvironmentSpec, lock_of
from amlet.domain.job import Job, Lease, Share
from amlet.node.containers import container_name
from amlet.node.variables import contained_variables, job_variables


def lease(run_id: str = "iris_1_2", **variables: str) -> Lease:
    job = Job(EnvironmentSpec("e", variables={"A": "environment"}), "", variables=variables)
    lock = lock_of("3.11", "linux-x86_64", "", [], image="sha256:1")
    return Lease("w", run_id, 2, "e", job, lock, Tree("", []), Share(3, 0), "token", 5.0, {"AMLET_RUN_ID": run_id})


def test_a_container_is_named_after_run_and_attempt_whatever_the_run_is_called() -> None:
    assert container_name(lease(), Path("/x/0123456789abcdef")) == "amlet-iris_1_2-2-01234567"
    name = container_name(lease("ü/ " * 200), Path("/x/0123456789abcdef"))
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", name)


def test_a_contained_script_sees_the_runs_variables_and_nothing_of_the_machines(monkeypatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/x.so")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    found = contained_variables(lease(B="run"), Path("/sdk"), Path("/j"))
    assert (found["A"], found["B"]) == ("environment", "run")
    assert (found["OMP_NUM_THREADS"], found["HTTPS_PROXY"], found["AMLET_JOURNAL_DIR"]) == ("3", "http://proxy", "/j")
    assert not {"LD_PRELOAD", "PATH", "HOME", "PYTHONPATH"} & {*found}


def test_the_in_job_side_comes_ahead_of_the_users_own_path() -> None:
    with_path = lease(PYTHONPATH="/mine")
    for found in (
        contained_variables(with_path, Path("/sdk"), Path("/j")),
        job_variables(with_path, Path("/b/bin/python"), Path("/sdk"), Path("/j")),
    ):
        assert found["PYTHONPATH"] == "/sdk:/mine"
    assert job_variables(lease(), Path("/b/bin/python"), Path("/sdk"), Path("/j"))["PYTHONPATH"] == "/sdk"
