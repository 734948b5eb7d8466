"""Compute targets of every kind, as v1 scripts use them, with real nodes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azureml.core import Environment, Experiment, Model, Run, ScriptRunConfig, Workspace
from azureml.core.compute import AksCompute, AmlCompute, ComputeInstance, ComputeTarget
from azureml.exceptions import ComputeTargetException
from support.models import deploy_iris
from support.server import RealServer, until

WAITS = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""


@pytest.fixture
def open_workspace(shared_server: RealServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AMLET_HOME", str(shared_server.home.root))
    opened = []

    def open_workspace(*names: str) -> Workspace:
        opened.append(Workspace(*names))
        return opened[-1]

    yield open_workspace
    for workspace in opened:
        workspace._connection.client.close()


@pytest.fixture
def workspace(open_workspace: Any) -> Workspace:
    return open_workspace("sub", "group", "computes")


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path) -> Iterator[Any]:
    """Submits a script that goes on until `go_on` is called."""
    signal = tmp_path / "go on"
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "waits.py").write_text(WAITS)
    own = Environment("own")
    own.python.user_managed_dependencies = True
    own.python.interpreter_path = sys.executable

    def submit(target: Any) -> Run:
        config = ScriptRunConfig(
            str(folder), "waits.py", arguments=[str(signal)], compute_target=target, environment=own
        )
        return Experiment(workspace, "computes").submit(config)

    submit.go_on = signal.touch  # type: ignore[attr-defined]
    yield submit
    signal.touch()


def in_status(run: Run, status: str) -> Run:
    return until(lambda: run.get_status() == status and run, seconds=60, what=f"{run.id} in status {status}")


def test_a_cluster_grows_with_runs_tells_its_nodes_and_shrinks_after_the_idle_time(
    workspace: Workspace, submit: Any, capsys: Any
) -> None:
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        ComputeTarget(workspace, "grows")
    config = AmlCompute.provisioning_configuration(
        vm_size="STANDARD_D2_V2", max_nodes=2, idle_seconds_before_scaledown=1
    )
    cluster = ComputeTarget.create(workspace, "grows", config)
    assert isinstance(cluster, AmlCompute)
    cluster.wait_for_completion(show_output=True)
    assert capsys.readouterr().out.endswith("Minimum number of nodes requested have been provisioned\n")
    assert cluster.list_nodes() == []

    runs = [submit(cluster), submit("grows"), submit(cluster)]
    for run in runs[:2]:
        in_status(run, "Running")
    nodes = cluster.list_nodes()
    assert {(node["nodeState"], node["runId"]) for node in nodes} == {("running", run.id) for run in runs[:2]}
    counts = cluster.get_status().serialize()["nodeStateCounts"]
    assert counts["runningNodeCount"] == 2
    assert {run.id for run in cluster.get_active_runs()} == {run.id for run in runs}
    assert "2 of 2 nodes are busy" in str(runs[2].get_detailed_status()["details"])
    with pytest.raises(ComputeTargetException, match="in use by 3 runs"):
        cluster.delete()

    submit.go_on()
    for run in runs:
        run.wait_for_completion()
    assert list(cluster.get_active_runs()) == []
    until(lambda: cluster.get_status().current_node_count == 0, seconds=60, what="the last node's end")
    cluster.delete()
    assert "grows" not in workspace.compute_targets


def test_a_stopped_instance_keeps_its_runs_waiting_until_it_is_started(
    workspace: Workspace, submit: Any, capsys: Any
) -> None:
    config = ComputeInstance.provisioning_configuration(vm_size="STANDARD_DS3_V2")
    instance = ComputeTarget.create(workspace, "station", config)
    assert isinstance(instance, ComputeInstance)
    instance.wait_for_completion(show_output=True)
    assert capsys.readouterr().out.endswith("Running\n")
    first = in_status(submit(instance), "Running")

    instance.stop()
    assert instance.get_status().state == "Stopping"
    second = in_status(submit("station"), "Queued")
    submit.go_on()
    instance.stop(wait_for_completion=True, show_output=True)
    assert capsys.readouterr().out.endswith("Stopped\n")

    assert first.get_status() == "Completed"
    assert 'compute instance "station" is stopped' in str(second.get_detailed_status()["details"])
    found = ComputeTarget(workspace, "station")
    assert isinstance(found, ComputeInstance) and found.status.state == "Stopped"
    found.start(wait_for_completion=True)
    second.wait_for_completion()
    held = workspace._connection
    (before,) = held.client.computes.nodes(held.workspace_id, "station").nodes
    found.restart(wait_for_completion=True)
    (after,) = held.client.computes.nodes(held.workspace_id, "station").nodes
    assert after.started > before.started
    found.delete(wait_for_completion=True)


def test_a_model_is_served_for_a_serving_target(shared_server: RealServer, open_workspace: Any, tmp_path: Path) -> None:
    served = deploy_iris(shared_server, tmp_path, "beside")
    workspace = open_workspace("s", "g", "services")
    aks = ComputeTarget.create(workspace, "aks", AksCompute.provisioning_configuration())
    model = Model(workspace, id=served.model_id)
    service = Model.deploy(workspace, "on-aks", [model], deployment_target=aks)
    service.wait_for_deployment()
    assert service.state == "Healthy" and service.compute_type == "AKS"
    assert '"predict"' in str(service.run('{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}')).replace("'", '"')
    with pytest.raises(ComputeTargetException, match='serves 1 services, such as "on-aks"'):
        aks.delete()
    service.delete()
    workspace._connection.client.services.delete(served.workspace_id, "beside")
    aks.delete()
