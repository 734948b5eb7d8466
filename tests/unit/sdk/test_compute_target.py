"""Compute targets as users hold them."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.domain.job import Share
from amlet.sdk.compute import ComputeTarget
from amlet.sdk.compute_cluster import AmlCompute
from amlet.sdk.compute_provisioning import AmlComputeProvisioningConfiguration
from amlet.sdk.compute_status import AmlComputeStatus, ScaleSettings
from amlet.sdk.exceptions import ComputeTargetException, UserErrorException
from amlet.sdk.script_run_config import ScriptRunConfig
from amlet.sdk.workspace import Workspace
from amlet.wire.computes import ComputeNode


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
        ({"max_nodes": 1, "admin_username": "me"}, "needs admin_user_password or admin_user_ssh_key"),
        ({"max_nodes": 1, "admin_username": "me", "admin_user_password": "secret"}, "is weak"),
        ({"max_nodes": 1, "identity_type": "Me"}, "identity_type must be"),
        ({"max_nodes": 1, "identity_type": "UserAssigned"}, "identity_id comes with"),
        ({"max_nodes": 1, "remote_login_port_public_access": "Open"}, "remote_login_port_public_access must be"),
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


def test_a_target_tells_its_kind_its_place_and_its_tags(workspace: Workspace) -> None:
    wanted = AmlCompute.provisioning_configuration(max_nodes=1, tags={"a": "1"}, description="d", location="westeurope")
    made = ComputeTarget.create(workspace, "cpu-cluster", wanted)
    told = repr(made)
    for part in ("AmlCompute(", "name=cpu-cluster", "type=AmlCompute", "provisioning_state=Succeeded"):
        assert part in told  # v1-behaviours 11.9
    assert (made.location, made.tags, made.description, made.is_attached) == ("westeurope", {"a": "1"}, "d", False)
    assert made.created_on is not None and made.provisioning_errors is None


def test_what_names_parts_of_azure_is_kept_and_said_to_have_no_effect(workspace: Workspace, held: Any) -> None:
    with pytest.warns(UserWarning, match="no effect here: admin_username"):
        wanted = AmlCompute.provisioning_configuration(
            "STANDARD_D2_V2", "lowpriority", 0, 1, 60, "me", "Secret-123456", remote_login_port_public_access="Enabled"
        )
    made = ComputeTarget.create(workspace, "cpu-cluster", wanted)
    assert isinstance(made, AmlCompute)
    assert (made.admin_username, made.vm_priority, made.remote_login_port_public_access) == (
        "me", "lowpriority", "Enabled",
    )  # fmt: skip
    assert "Secret-123456" not in repr(held.client.computes.asked)


def test_the_class_of_the_configuration_takes_v1s_other_name_of_the_place() -> None:
    assert AmlComputeProvisioningConfiguration(max_nodes=1, compute_location="here").location == "here"
    with pytest.raises(TypeError, match="max_node'"):
        AmlCompute.provisioning_configuration(max_node=1)  # type: ignore[arg-type]


def test_a_target_makes_the_round_trip_through_its_dictionary(workspace: Workspace, target: ComputeTarget) -> None:
    told = target.serialize()
    assert told["properties"]["computeType"] == "AmlCompute"
    assert told["properties"]["properties"]["vmSize"] == "STANDARD_D2_V2"
    assert AmlCompute.deserialize(workspace, told).name == "cpu-cluster"
    for wrong in ({}, {**told, "properties": {"computeType": "AKS"}}, {**told, "id": "elsewhere"}):
        with pytest.raises(ComputeTargetException):
            AmlCompute.deserialize(workspace, wrong)


def test_a_status_makes_the_round_trip_through_its_dictionary(target: ComputeTarget) -> None:
    told = target.get_status().serialize()
    again = AmlComputeStatus.deserialize(told)
    assert again is not None and again.serialize() == told
    other = {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT1H2M3S"}
    settings = ScaleSettings.deserialize(other)
    assert settings is not None and settings.idle_seconds_before_scaledown == 3723


def test_nodes_are_told_under_v1s_keys(held: Any, target: ComputeTarget) -> None:
    assert isinstance(target, AmlCompute)
    created = target.created_on
    held.client.computes.found = [
        ComputeNode("cpu-0", "running", "iris_1", "127.0.0.1", Share(1, 1), created, None),
        ComputeNode("cpu-1", "idle", None, None, Share(1, 1), created, created),
    ]
    assert [set(node) for node in target.list_nodes()] == [
        {"nodeId", "port", "publicIpAddress", "privateIpAddress", "nodeState", "runId"}
    ] * 2
    assert [(node["nodeState"], node["runId"]) for node in target.list_nodes()] == [
        ("running", "iris_1"), ("idle", None),
    ]  # fmt: skip


def test_sizes_are_told_under_v1s_keys(workspace: Workspace) -> None:
    sizes = {size["name"]: size for size in AmlCompute.supported_vmsizes(workspace)}
    assert sizes["Standard_D2_v2"] == {"name": "Standard_D2_v2", "vCPUs": 2, "gpus": 0, "memoryGB": 7}
    assert sizes["Standard_NC6"]["gpus"] == 1


def test_active_runs_are_those_of_the_target_that_are_not_over(held: Any, target: ComputeTarget) -> None:
    list(target.get_active_runs())
    asked = held.client.runs.queries[-1]
    assert "target = 'cpu-cluster'" in asked.filter and "'Running'" in asked.filter and "Completed" not in asked.filter
    list(target.get_active_runs(status="Queued"))
    assert held.client.runs.queries[-1].status == "Queued"


def test_quotas_and_identities_are_refused_by_name(target: ComputeTarget) -> None:
    for name in ("add_identity", "remove_identity", "list_usages", "list_quotas", "update_quotas"):
        with pytest.raises(UserErrorException, match=f"amlet does not have AmlCompute.{name}"):
            getattr(target, name)()


def test_a_configuration_of_another_kind_is_told(workspace: Workspace) -> None:
    with pytest.raises(ComputeTargetException, match="cannot be a dict"):
        ComputeTarget.create(workspace, "cpu", {})  # type: ignore[arg-type]
    with pytest.raises(ComputeTargetException, match="cannot be a AmlCompute"):
        ComputeTarget.attach(workspace, "cpu", AmlCompute.provisioning_configuration(max_nodes=1))  # type: ignore[arg-type]
