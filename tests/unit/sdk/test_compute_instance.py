"""Compute instances as users hold them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from amlet.domain.compute import NodeCounts
from amlet.sdk.compute import ComputeTarget
from amlet.sdk.compute_instance import ComputeInstance, ComputeInstanceStatus
from amlet.sdk.exceptions import ComputeTargetException, UserErrorException
from amlet.sdk.workspace import Workspace
from amlet.wire.computes import SwitchCompute

PREPARING, RUNNING, LEAVING = NodeCounts(preparing=1), NodeCounts(idle=1), NodeCounts(leaving=1)


@pytest.fixture
def instance(workspace: Workspace, held: Any) -> ComputeInstance:
    made = ComputeTarget.create(workspace, "station", ComputeInstance.provisioning_configuration())
    assert isinstance(made, ComputeInstance)
    return made


def test_an_instance_is_one_node_that_is_always_there(held: Any, instance: ComputeInstance) -> None:
    asked = held.client.computes.asked[-1]
    assert (asked.kind, asked.min_nodes, asked.max_nodes, asked.vm_size) == (
        "ComputeInstance", 1, 1, "STANDARD_DS3_V2",
    )  # fmt: skip
    assert instance.type == "ComputeInstance"


def test_the_status_has_v1s_keys_and_makes_the_round_trip(instance: ComputeInstance) -> None:
    told = instance.get_status().serialize()
    assert set(told) == {"errors", "creationTime", "createdBy", "modifiedTime", "state", "vmSize"}  # v1-behaviours 11.7
    assert set(told["createdBy"]) == {"userObjectId", "userTenantId", "userName"}
    again = ComputeInstanceStatus.deserialize(told)
    assert again is not None and again.serialize() == told
    assert instance.serialize()["properties"]["properties"]["status"] == told


@pytest.mark.parametrize(
    ("is_stopped", "nodes", "state"),
    [
        (False, NodeCounts(), "Creating"),
        (False, PREPARING, "Creating"),
        (False, RUNNING, "Running"),
        (False, NodeCounts(running=1), "Running"),
        (False, LEAVING, "Restarting"),
        (True, LEAVING, "Stopping"),
        (True, NodeCounts(), "Stopped"),
    ],
)
def test_the_state_is_told_in_v1s_words(
    held: Any, instance: ComputeInstance, is_stopped: bool, nodes: NodeCounts, state: str
) -> None:
    held.client.computes.story = [{"is_stopped": is_stopped, "nodes": nodes}]
    assert instance.get_status().state == state


def test_an_instance_that_ran_before_is_starting_not_creating(held: Any, instance: ComputeInstance) -> None:
    held.client.computes.story = [{"modified": instance.created_on + timedelta(1), "nodes": PREPARING}]
    assert instance.get_status().state == "Starting"


def test_waiting_prints_each_state_on_a_line(held: Any, instance: ComputeInstance, capsys: Any) -> None:
    held.client.computes.story = [{"nodes": RUNNING}]
    instance.start(wait_for_completion=True, show_output=True)
    assert capsys.readouterr().out == "Running\n"
    held.client.computes.story = [{"is_stopped": True, "nodes": NodeCounts()}]
    instance.stop(wait_for_completion=True, show_output=True)
    assert capsys.readouterr().out == "Stopped\n"
    held.client.computes.story = [{"is_stopped": False, "nodes": RUNNING}]
    instance.restart(wait_for_completion=True)
    switched = [one.action for one in held.client.computes.asked if isinstance(one, SwitchCompute)]
    assert switched == ["start", "stop", "restart"]


def test_waiting_for_an_instance_that_is_stopped_is_an_error(held: Any, instance: ComputeInstance) -> None:
    held.client.computes.story = [{"is_stopped": True}]
    with pytest.raises(ComputeTargetException, match="its state is Stopped"):
        instance.wait_for_completion()


def test_an_instance_is_deleted_and_not_detached(workspace: Workspace, instance: ComputeInstance, capsys: Any) -> None:
    with pytest.raises(ComputeTargetException, match="Try to use delete"):
        instance.detach()
    instance.delete(wait_for_completion=True)
    assert 'operation "Succeeded"' in capsys.readouterr().out
    assert workspace.compute_targets == {}


def test_what_has_no_effect_is_told(workspace: Workspace) -> None:
    with pytest.warns(UserWarning, match="no effect here: ssh_public_access"):
        ComputeInstance.provisioning_configuration(vm_size="STANDARD_D2_V2", ssh_public_access=True)
    with pytest.raises(ComputeTargetException, match="go together"):
        ComputeInstance.provisioning_configuration(vnet_name="x")
    with pytest.raises(UserErrorException):
        ComputeInstance.get_docs_url()
