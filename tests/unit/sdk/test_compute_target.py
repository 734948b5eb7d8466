"""Compute targets as users hold them."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.sdk.compute import AmlCompute, ComputeTarget
from amlet.sdk.exceptions import ComputeTargetException, UserErrorException
from amlet.sdk.script_run_config import ScriptRunConfig
from amlet.sdk.workspace import Workspace


@pytest.fixture
def target(workspace: Workspace) -> ComputeTarget:
    wanted = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=2)
    return ComputeTarget.create(workspace, "cpu-cluster", wanted)


def test_what_was_made_is_found_by_name(workspace: Workspace, target: ComputeTarget) -> None:
    found = ComputeTarget(workspace=workspace, name="cpu-cluster")
    assert isinstance(found, AmlCompute) and found.type == "AmlCompute"
    assert workspace.compute_targets["cpu-cluster"].provisioning_state == "Succeeded"
    with pytest.raises(KeyError):
        workspace.compute_targets["other"]  # v1-behaviours 1.9


def test_a_missing_one_is_told_with_v1s_words(workspace: Workspace) -> None:
    with pytest.raises(ComputeTargetException) as caught:
        ComputeTarget(workspace, "cpu-clustr")
    message = caught.value.message
    assert message.startswith("ComputeTargetNotFound: Compute Target with name cpu-clustr")  # v1-behaviours 11.1


def test_names_that_v1_keeps_are_refused(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException):
        ComputeTarget.create(workspace, "local", AmlCompute.provisioning_configuration(max_nodes=1))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "max nodes count is mandatory"),
        ({"max_nodes": -1}, "max_nodes must be"),
        ({"max_nodes": 1, "min_nodes": 2}, "must not be less than min_nodes"),
        ({"max_nodes": 1, "vm_priority": "cheap"}, "vm_priority"),
        ({"max_nodes": 1, "subnet_name": "x"}, "go together"),
    ],
)
def test_a_bad_configuration_is_told(arguments: Any, told: str) -> None:
    with pytest.raises(ComputeTargetException, match=told):  # v1-behaviours 11.3
        AmlCompute.provisioning_configuration(**arguments)


def test_waiting_prints_v1s_lines(target: ComputeTarget, capsys: Any) -> None:
    target.wait_for_completion(show_output=True)
    assert capsys.readouterr().out == (
        "Creating\nSucceeded\nAmlCompute wait for completion finished\n\n"
        "Minimum number of nodes requested have been provisioned\n"
    )  # v1-behaviours 11.4


def test_the_status_has_v1s_keys(target: ComputeTarget) -> None:
    told = target.get_status().serialize()
    assert set(told) == {
        "currentNodeCount", "targetNodeCount", "nodeStateCounts", "allocationState", "allocationStateTransitionTime",
        "errors", "creationTime", "modifiedTime", "provisioningState", "provisioningStateTransitionTime",
        "scaleSettings", "vmPriority", "vmSize",
    }  # fmt: skip  # v1-behaviours 11.5
    assert told["scaleSettings"] == {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT1800S"}
    assert told["allocationState"] == "Steady"


def test_an_update_without_arguments_does_nothing(target: ComputeTarget) -> None:
    assert isinstance(target, AmlCompute)
    target.update()
    target.update(max_nodes=4)
    assert target.scale_settings.maximum_node_count == 4


def test_a_run_takes_the_target_or_its_name(target: ComputeTarget) -> None:
    assert ScriptRunConfig(".", "x.py", compute_target=target).run_config.target == "cpu-cluster"
    assert ScriptRunConfig(".", "x.py", compute_target="cpu-cluster").run_config.target == "cpu-cluster"


def test_detaching_is_refused_and_deleting_works(workspace: Workspace, target: ComputeTarget) -> None:
    with pytest.raises(ComputeTargetException):
        target.detach()
    target.delete()
    assert workspace.compute_targets == {}
