"""Changes of services: only what is given changes."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.domain.deployment import Autoscale, Capture, Deployment
from amlet.domain.model import Resources
from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.webservice import AciWebservice, AksWebservice
from amlet.sdk.webservice.parts import AutoScaler
from amlet.sdk.workspace import Workspace

SCALED = Deployment(["iris:1"], kind="aks", auth="key", autoscale=Autoscale(2, 4), max_wait_ms=500, max_concurrent=1)


@pytest.fixture
def service(workspace: Workspace, held: Any, make_service: Any) -> AksWebservice:
    held.client.services.story = [make_service(deployment=SCALED, tags={"a": "1"}, properties={"b": "2"})]
    return AksWebservice(workspace, "iris-service")


def test_an_update_of_nothing_is_refused(service: AksWebservice) -> None:
    with pytest.raises(WebserviceException, match="No parameters provided"):  # v1-behaviours 15.25
        service.update()
    with pytest.raises(TypeError, match="no parameter 'num_replica'"):
        service.update(num_replica=2, tags={})


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({"num_replicas": 3}, SCALED._replace(replicas=3, autoscale=None)),
        ({"autoscale_max_replicas": 8}, SCALED._replace(autoscale=Autoscale(2, 8))),
        ({"autoscale_enabled": False}, SCALED._replace(replicas=2, autoscale=None)),
        ({"auth_enabled": False}, SCALED._replace(auth="none")),
        ({"token_auth_enabled": True}, SCALED._replace(auth="token")),
        ({"token_auth_enabled": False}, SCALED),
        (
            {"cpu_cores": 2, "memory_gb_limit": 3},
            SCALED._replace(resources=Resources(2.0), limits=Resources(None, 3.0)),
        ),
        ({"scoring_timeout_ms": 5}, SCALED._replace(scoring_timeout_ms=5)),
        ({"max_request_wait_time": 0}, SCALED._replace(max_wait_ms=0)),
        ({"collect_model_data": True}, SCALED._replace(capture=Capture(True, True))),
        ({"models": ["iris:1", "iris:1"]}, SCALED._replace(model_ids=["iris:1", "iris:1"])),
    ],
)
def test_an_update_changes_what_is_given(
    service: AksWebservice, held: Any, model: Any, change: dict[str, Any], after: Deployment
) -> None:
    service.update(**change)
    asked = held.client.services.updated[-1]
    assert (asked.deployment or SCALED) == after
    assert (asked.tags, asked.properties, asked.description, asked.source) == (None, None, None, None)
    assert asked.known == (1 if asked.deployment else None)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"autoscale_min_replicas": 5}, "autoscale_min_replicas is 5, above autoscale_max_replicas, which is 4"),
        ({"num_replicas": 0}, "num_replicas must be"),
        ({"auth_enabled": True, "token_auth_enabled": True}, "exclude each other"),
        ({"image": object()}, "cannot be given an image"),
        ({"properties": {"b": "3"}}, "Properties of a service are immutable, and these are there already: b"),
    ],
)
def test_faults_of_an_update(service: AksWebservice, held: Any, change: dict[str, Any], told: str) -> None:
    with pytest.raises(WebserviceException, match=told):
        service.update(**change)
    assert held.client.services.updated == []


def test_autoscaling_settings_need_autoscaling(workspace: Workspace, held: Any, make_service: Any) -> None:
    held.client.services.story = [make_service(deployment=SCALED._replace(autoscale=None, replicas=1))]
    fixed = AksWebservice(workspace, "iris-service")
    with pytest.raises(WebserviceException, match="autoscale_max_replicas need autoscale_enabled=True"):
        fixed.update(autoscale_max_replicas=3)
    fixed.update(autoscale_enabled=True, autoscale_max_replicas=3)
    assert held.client.services.updated[-1].deployment.autoscale == Autoscale(1, 3)


def test_tags_and_properties_alone_make_no_revision(service: AksWebservice, held: Any) -> None:
    service.update(tags={"c": "3"}, description="d")
    service.add_properties({"e": "5"})
    service.add_tags({"f": "6"})
    service.remove_tags(["c"])
    assert [asked.deployment for asked in held.client.services.updated] == [None] * 4
    assert (dict(service.tags), dict(service.properties)) == ({"f": "6"}, {"b": "2", "e": "5"})
    assert service.description == "d"


def test_attributes_tell_the_deployment(service: AksWebservice) -> None:
    assert vars(service.autoscaler) == vars(AutoScaler(True, 4, 2, 1, 70))
    assert (service.num_replicas, service.scoring_timeout_ms, service.max_request_wait_time) == (2, 60_000, 500)
    assert (service.container_resource_requirements.cpu, service.is_default) == (0.1, False)
    assert service.liveness_probe_requirements.initial_delay_seconds == 310  # v1-behaviours 15.21
    told = service.serialize()
    assert (told["computeType"], told["autoScaler"]["maxReplicas"], told["authEnabled"]) == ("AKS", 4, True)


def test_a_container_instance_changes_too(workspace: Workspace, held: Any, model: Any) -> None:
    service = AciWebservice(workspace, "iris-service")
    service.update(auth_enabled=True)
    assert held.client.services.updated[-1].deployment == Deployment(["iris:1"], kind="aci", auth="key")
    with pytest.raises(WebserviceException, match="in clear"):
        service.update(ssl_enabled=True)
    with pytest.raises(NotImplementedError):
        service.get_token()
