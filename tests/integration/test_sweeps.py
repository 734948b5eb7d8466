"""Sweeps with a real server, real nodes and real processes: exactly the trials asked for, whatever dies."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from amlet.client.connection import Client
from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain import run as runs
from amlet.domain.job import Job
from amlet.domain.run import Run
from amlet.domain.sweep import BANDIT, BAYESIAN, MAXIMIZE, RANDOM, Objective, Policy, Sampling, Standing, SweepSpec
from amlet.wire.runs import SubmitRun
from amlet.wire.sweeps import DecisionQuery, SubmitSweep, TrialQuery
from support.runs import OWN_PYTHON, finish, workspace_id
from support.server import RealServer, until

EVERY = [pytest.mark.every_fault]

SPACE: dict[str, Any] = {"x": ["uniform", [0.0, 1.0]]}

QUICK = """
import sys
from azureml.core import Run
run = Run.get_context()
run.log("value", float(sys.argv[-1]))
"""

WAITS = """
import os, sys, time
from azureml.core import Run
flags, value = sys.argv[1], float(sys.argv[-1])
run = Run.get_context()
with open(os.path.join(flags, "began"), "a") as began:
    began.write(run.id + "\\n")
run.log("value", value)
while not os.path.exists(os.path.join(flags, "go")):
    time.sleep(0.01)
"""
"""Notes that it began, and waits for leave to end."""

CURVES = """
import os, sys, time
from azureml.core import Run
flags, value = sys.argv[1], float(sys.argv[-1])
run = Run.get_context()
end = time.monotonic() + (0.0 if value >= 0.5 else 4.0)
reports = 0
while reports < 20 or time.monotonic() < end:
    run.log("value", value)
    reports += 1
    time.sleep(0.02)
open(os.path.join(flags, run.id), "w").close()
"""
"""A poor one reports for seconds, and notes that it came to its end: a policy may end it before."""


class Sweep:
    """A sweep that goes on, and what can be seen of it."""

    def __init__(self, client: Client, run: Run) -> None:
        self.client = client
        self.run = run

    def trials(self, *statuses: str) -> list[Standing]:
        query = TrialQuery(limit=1000)
        found = self.client.sweeps.trials(self.run.workspace_id, self.run.id, query).trials
        return [trial for trial in found if not statuses or trial.status in statuses]

    def over(self, count: int) -> bool:
        return len(self.trials(*runs.TERMINAL)) >= count

    def finish(self) -> Run:
        return finish(self.client, self.run)

    def check_exactly(self, count: int) -> None:
        """So many trials, each with its own number and its own point, and no run beside them."""
        found = self.trials()
        assert [standing.trial.number for standing in found] == list(range(count))
        assert len({standing.trial.parameters["x"] for standing in found}) == count
        details = self.client.sweeps.get(self.run.workspace_id, self.run.id)
        assert sum(details.statuses.values()) == details.state.drawn == details.state.over == count


def sweep_of(client: Client, folder: Path, text: str, *arguments: str, **changes: Any) -> Sweep:
    """Submit a sweep of a script over the wire."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "script.py").write_text(text)
    snapshot = scan(folder)
    workspace = workspace_id(client)
    method = changes.pop("method", RANDOM)
    spec = SweepSpec(Sampling(method, SPACE, 7), [Objective("value", MAXIMIZE)], 6, 2)._replace(**changes)
    job = Job(OWN_PYTHON, "", script="script.py", arguments=list(arguments))
    asked = SubmitSweep(SubmitRun("sweeps", job, snapshot.entries, f"{folder}-{time.time_ns()}"), spec)
    answer = submit_with_blobs(
        lambda: client.sweeps.submit(workspace, asked), client, workspace, sources_of(folder, snapshot.entries)
    )
    assert answer.run is not None
    return Sweep(client, answer.run)


def kill_node(server: RealServer) -> None:
    """kill -9 of a node that has a part of this machine for the sweep, as soon as there is one."""
    folders = until(lambda: list(server.home.nodes.glob("local-2-*/process.json")), what="a node of the sweep")
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.node_pid(folders[0].parent.name), signal.SIGKILL)


def restart_server(server: RealServer) -> None:
    server.kill()
    server.start()


def kill_both(server: RealServer) -> None:
    """As when the machine's power goes, but for the scripts, which a node looks for."""
    kill_node(server)
    restart_server(server)


VICTIMS = {"server": restart_server, "node": kill_node, "both": kill_both}
USUAL = {("server", 0), ("node", 2), ("both", 3), ("server", 5)}
MOMENTS = [
    pytest.param(VICTIMS[name], after, id=f"{name}-{after}", marks=[] if (name, after) in USUAL else EVERY)
    for name in VICTIMS
    for after in range(6)
]


@pytest.mark.parametrize(("victim", "after"), MOMENTS)
def test_a_sweep_ends_with_exactly_its_trials_whatever_is_killed(
    fresh_server: RealServer, tmp_path: Path, victim: Any, after: int
):
    sweep = sweep_of(fresh_server.client(patience_s=60), tmp_path / "source", QUICK)
    until(lambda: sweep.over(after), seconds=60, what=f"{after} trials that are over")
    victim(fresh_server)
    assert sweep.finish().status == runs.COMPLETED
    sweep.check_exactly(6)
    assert len(sweep.trials(runs.COMPLETED)) == 6


def test_a_killed_server_leaves_the_trials_that_run_and_draws_none_of_them_again(
    fresh_server: RealServer, tmp_path: Path
):
    flags = tmp_path / "flags"
    flags.mkdir()
    sweep = sweep_of(fresh_server.client(patience_s=60), tmp_path / "source", WAITS, str(flags))
    began = flags / "began"
    until(lambda: began.exists() and len(began.read_text().split()) == 2, seconds=60, what="two trials at a time")
    restart_server(fresh_server)
    assert len(sweep.trials()) == 2
    (flags / "go").touch()
    assert sweep.finish().status == runs.COMPLETED
    sweep.check_exactly(6)
    # Each script began once: the two that ran were adopted, not run again.
    assert sorted(began.read_text().split()) == sorted(standing.trial.run_id for standing in sweep.trials())


def test_cancelling_a_sweep_ends_its_scripts(shared_server: RealServer, tmp_path: Path):
    flags = tmp_path / "flags"
    flags.mkdir()
    sweep = sweep_of(shared_server.client(), tmp_path / "source", WAITS, str(flags))
    until(lambda: len(sweep.trials(runs.RUNNING)) == 2, seconds=60, what="two trials at a time")
    sweep.client.runs.cancel(sweep.run.workspace_id, sweep.run.id)
    assert sweep.finish().status == runs.CANCELED
    assert [standing.status for standing in sweep.trials()] == [runs.CANCELED] * 2
    sweep.check_exactly(2)


@pytest.mark.parametrize("method", [RANDOM, BAYESIAN])
def test_a_policy_ends_a_trial_while_its_script_runs(shared_server: RealServer, tmp_path: Path, method: str):
    # v1-behaviours 12.9; with Bayesian sampling beyond 12.12
    flags = tmp_path / "flags"
    flags.mkdir()
    policy = Policy(BANDIT, slack_factor=0.1, delay_evaluation=5)
    sweep = sweep_of(shared_server.client(), tmp_path / "source", CURVES, str(flags), method=method, policy=policy)
    assert sweep.finish().status == runs.COMPLETED
    sweep.check_exactly(6)
    ended = {standing.trial.run_id for standing in sweep.trials(runs.CANCELED)}
    assert ended
    assert ended == {one.trial.run_id for one in sweep.trials() if one.trial.stopped_by == BANDIT}
    whole = {standing.trial.run_id for standing in sweep.trials(runs.COMPLETED)}
    assert {path.name for path in flags.iterdir()} == whole
    assert len(whole) + len(ended) == 6
    for run_id in ended:
        told = sweep.client.sweeps.decisions(sweep.run.workspace_id, sweep.run.id, DecisionQuery(run_id)).decisions
        (last,) = [decision for decision in told if decision.ends]
        assert last.value is not None
        assert last.bound is not None
        assert last.value < last.bound
