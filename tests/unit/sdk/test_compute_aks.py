"""Serving targets as users hold them."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.domain.deployment import Deployment
from amlet.sdk.compute import ComputeTarget
from amlet.sdk.compute_aks import AksCompute, AksUpdateConfiguration, SslConfiguration, SystemService
from amlet.sdk.compute_cluster import AmlCompute
from amlet.sdk.compute_local import LocalTarget
from amlet.sdk.exceptions import ComputeTargetException, WebserviceException
from amlet.sdk.model import Model
from amlet.sdk.webservice import Webservice
from amlet.sdk.workspace import Workspace


@pytest.fixture
def target(workspace: Workspace) -> AksCompute:
    wanted = AksCompute.provisioning_configuration(cluster_purpose=AksCompute.ClusterPurpose.DEV_TEST)
    made = ComputeTarget.create(workspace, "aks", wanted)
    assert isinstance(made, AksCompute)
    return made


def test_a_target_is_made_and_tells_what_it_was_made_with(workspace: Workspace, target: AksCompute) -> None:
    assert target.type == "AKS"
    assert (target.cluster_purpose, target.agent_count, target.agent_vm_size) == ("DevTest", 3, "STANDARD_D3_V2")
    assert ComputeTarget(workspace, "aks").serialize()["properties"]["properties"]["clusterPurpose"] == "DevTest"
    target.wait_for_completion(show_output=True)


def test_a_cluster_of_azures_is_attached_by_name_alone(workspace: Workspace) -> None:
    with pytest.warns(UserWarning, match="no effect here: resource_group, cluster_name"):
        wanted = AksCompute.attach_configuration(resource_group="g", cluster_name="c")
    made = ComputeTarget.attach(workspace, "aks", wanted)
    assert isinstance(made, AksCompute) and made.is_attached
    made.detach()
    assert workspace.compute_targets == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"agent_count": 0}, "agent_count must be"),
        ({"cluster_purpose": "Prod"}, "cluster_purpose must be"),
        ({"ssl_cname": "a"}, "ssl_cname, ssl_cert_pem_file and ssl_key_pem_file go together"),
        ({"vnet_name": "a"}, "go together"),
        ({"load_balancer_type": "Some"}, "load_balancer_type must be"),
        ({"load_balancer_subnet": "s"}, "goes with load_balancer_type InternalLoadBalancer"),
    ],
)
def test_a_bad_configuration_is_told(arguments: Any, told: str) -> None:
    with pytest.raises(ComputeTargetException, match=told):
        AksCompute.provisioning_configuration(**arguments)


def test_an_attachment_names_one_cluster() -> None:
    for arguments in ({}, {"resource_group": "g"}, {"resource_id": "/x", "cluster_name": "c", "resource_group": "g"}):
        with pytest.raises(ComputeTargetException, match="provided"):
            AksCompute.attach_configuration(**arguments)


def test_encryption_is_told_to_have_no_effect(target: AksCompute) -> None:
    wanted = AksCompute.provisioning_configuration()
    with pytest.warns(UserWarning, match="proxy that speaks TLS"):
        assert wanted.enable_ssl(leaf_domain_label="x") is wanted
    with pytest.warns(UserWarning, match="ssl_configuration"):
        change = AksUpdateConfiguration(SslConfiguration(status="Auto"), load_balancer_type="InternalLoadBalancer")
    target.update(change)


def test_its_parts_make_the_round_trip_through_dictionaries() -> None:
    settings = SslConfiguration("Enabled", "c", "k", "n", None, True, False)
    again = SslConfiguration.deserialize(settings.serialize())
    assert again is not None and again.serialize() == settings.serialize()
    service = SystemService("ScoringFrontEnd", "1", None)
    assert SystemService.deserialize(service.serialize()).serialize() == service.serialize()


def test_a_model_is_deployed_to_it_or_to_a_cluster_or_to_the_machine_itself(
    workspace: Workspace, held: Any, target: AksCompute, make_service: Any, tmp_path: Any
) -> None:
    file = tmp_path / "model.joblib"
    file.write_bytes(b"x")
    model = Model.register(workspace, str(file), "iris", model_framework=Model.Framework.SCIKITLEARN)
    held.client.services.story = [make_service(deployment=Deployment(["iris:1"], kind="aks", target="aks"))]
    service = Model.deploy(workspace, "iris-service", [model], deployment_target=target)
    assert held.client.services.deployed[-1].deployment.target == "aks"
    assert service.compute_type == "AKS" and len(Webservice.list(workspace, compute_type="aks")) == 1
    cluster = ComputeTarget.create(workspace, "cpu", AmlCompute.provisioning_configuration(max_nodes=1))
    Model.deploy(workspace, "iris-service", [model], deployment_target=cluster)
    assert held.client.services.deployed[-1].deployment.target == "cpu"
    Model.deploy(workspace, "iris-service", [model], deployment_target=LocalTarget())
    assert held.client.services.deployed[-1].deployment.target is None
    with pytest.raises(WebserviceException, match="serves no models"):
        Model.deploy(workspace, "iris-service", [model], deployment_target="cpu")
