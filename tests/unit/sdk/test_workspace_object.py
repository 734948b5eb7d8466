"""Workspaces: what they list, and what of v1's is refused."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from amlet.domain.workspace import Workspace as WorkspaceRecord
from amlet.sdk.exceptions import ComputeTargetException, UserErrorException
from amlet.sdk.refused import RefusedMember
from amlet.sdk.workspace import Workspace, _by_name

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
REFUSED = [name for name, value in vars(Workspace).items() if isinstance(value, RefusedMember)]


def test_workspaces_are_listed_by_name_under_their_subscription_and_group() -> None:
    records = [
        WorkspaceRecord(f"ws_{number}", subscription, group, name, "local", {}, NOW)
        for number, (subscription, group, name) in enumerate(
            [("sub", "one", "demo"), ("sub", "two", "demo"), ("other", "one", "demo"), ("sub", "one", "more")]
        )
    ]
    found = _by_name(records, "sub", None)  # v1-behaviours 1.10
    assert {name: [one.resource_group for one in held] for name, held in found.items()} == {
        "demo": ["one", "two"],
        "more": ["one"],
    }
    assert list(_by_name(records, None, "two")) == ["demo"]
    assert found["more"][0]._connection.workspace_id == "ws_3"


def test_the_default_compute_targets_go_by_v1s_names(workspace: Workspace) -> None:
    from amlet.sdk.compute import ComputeTarget

    with pytest.raises(ComputeTargetException, match="cpu-cluster"):
        workspace.get_default_compute_target("CPU")
    workspace._add_clusters(Workspace.DEFAULT_CPU_CLUSTER_CONFIGURATION, None)
    assert workspace.get_default_compute_target("cpu").name == ComputeTarget(workspace, "cpu-cluster").name
    with pytest.raises(UserErrorException, match="'TPU'"):
        workspace.get_default_compute_target("TPU")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_to_use_instead(workspace: Workspace, name: str) -> None:
    assert getattr(Workspace, name).__unsupported__ is True
    with pytest.raises(UserErrorException, match=f"does not have Workspace.{name}") as caught:
        getattr(workspace, name)()
    assert caught.value.hint


def test_the_small_facts_are_v1s(workspace: Workspace, held: Any) -> None:
    assert workspace.sku == "Basic"
    assert workspace.discovery_url == held.client.url
    assert workspace.get_details()["discoveryUrl"] == held.client.url
