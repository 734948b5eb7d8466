"""Endpoints: versions are made, changed and deleted; each asks the server for its part."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.model import Model
from amlet.sdk.webservice import AksEndpoint
from amlet.sdk.workspace import Workspace


@pytest.fixture
def endpoint(workspace: Workspace, model: Model) -> AksEndpoint:
    config = AksEndpoint.deploy_configuration(version_name="version-a", traffic_percentile=80, num_replicas=1)
    made = Model.deploy(workspace, "an-endpoint", [model], None, config)
    assert isinstance(made, AksEndpoint)
    return made


def test_deploying_makes_the_endpoint_and_its_first_version(endpoint: AksEndpoint, held: Any) -> None:
    first, second = held.client.services.deployed
    assert (first.version, first.deployment.kind, first.deployment.model_ids) == ("", "endpoint", [])
    assert (second.version, second.traffic, second.deployment.kind) == ("version-a", 80, "aks")
    assert (second.deployment.model_ids, second.deployment.replicas) == (["iris:1"], 1)
    assert (first.deployment.auth, endpoint.compute_type) == ("key", "AKSENDPOINT")
    assert list(endpoint.versions) == ["version-a"]


def test_a_version_is_made_changed_and_deleted(endpoint: AksEndpoint, held: Any, model: Model) -> None:
    endpoint.create_version("version-b", models=[model], num_replicas=2, traffic_percentile=20, is_default=True)
    asked = held.client.services.deployed[-1]
    assert (asked.name, asked.version, asked.traffic, asked.is_default) == ("an-endpoint", "version-b", 20, True)
    endpoint.update_version("version-b", traffic_percentile=50)
    change = held.client.services.updated[-1]
    assert (change.version, change.traffic, change.deployment, change.is_default) == ("version-b", 50, None, None)
    endpoint.update_version("version-b", num_replicas=3)
    assert held.client.services.updated[-1].deployment.replicas == 3
    endpoint.delete_version("version-b")
    assert list(endpoint.versions) == ["version-a"]
    assert endpoint.versions["version-a"].name == "version-a"


def test_a_version_that_is_not_there_is_told(endpoint: AksEndpoint) -> None:
    with pytest.raises(WebserviceException, match="has no version 'version-z'") as caught:
        endpoint.delete_version("version-z")
    assert caught.value.hint == "it has: version-a."


def test_what_holds_for_all_versions_is_changed_at_the_endpoint(endpoint: AksEndpoint, held: Any) -> None:
    endpoint.update(token_auth_enabled=True)
    change = held.client.services.updated[-1]
    assert (change.version, change.deployment.auth, change.deployment.kind) == ("", "token", "endpoint")
    with pytest.raises(WebserviceException, match="No parameters"):
        endpoint.update()
    with pytest.raises(WebserviceException, match="exclude each other"):
        endpoint.update(auth_enabled=True, token_auth_enabled=True)


@pytest.mark.parametrize("settings", [{"traffic_percentile": -1}, {"num_replicas": 0}])
def test_faults_of_a_version(endpoint: AksEndpoint, settings: dict[str, Any]) -> None:
    with pytest.raises(WebserviceException, match=next(iter(settings))):
        endpoint.create_version("version-c", **settings)
    with pytest.raises(WebserviceException, match=next(iter(settings))):
        endpoint.update_version("version-a", **settings)
