"""Deployment configurations: v1's checks and defaults, and what they ask the server for."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from amlet.domain.deployment import Autoscale, Capture, Deployment
from amlet.domain.model import Resources
from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.webservice import AciWebservice, AksEndpoint, AksWebservice, LocalWebservice
from amlet.sdk.webservice.configuration import WebserviceDeploymentConfiguration


@pytest.mark.parametrize("port", [0, 65536, "80", True, 8000.0])
def test_a_local_port_must_be_one(port: Any) -> None:
    with pytest.raises(WebserviceException, match="port must be a whole number from 1 to 65535"):  # v1-behaviours 15.19
        LocalWebservice.deploy_configuration(port=port)


def test_a_local_service_is_open_on_the_port_that_is_asked_for() -> None:
    assert LocalWebservice.deploy_configuration(port=6789)._deployment() == Deployment(kind="local", port=6789)
    assert LocalWebservice.deploy_configuration()._deployment().port is None


def test_a_container_instance_is_open_and_bounded_only_as_asked() -> None:
    assert AciWebservice.deploy_configuration()._deployment() == Deployment(kind="aci")  # v1-behaviours 15.20
    asked = AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=0.5, auth_enabled=True, collect_model_data=True)
    assert asked._deployment() == Deployment(
        kind="aci", resources=Resources(1.0, 0.5), auth="key", capture=Capture(True, True)
    )


def test_what_a_container_instance_has_beside_its_replica_goes_along() -> None:
    asked = AciWebservice.deploy_configuration(
        tags={"a": "1"}, properties={"b": "2"}, description="c", primary_key="one", secondary_key="two"
    )._request("iris")
    assert (asked.name, asked.tags, asked.properties, asked.description) == ("iris", {"a": "1"}, {"b": "2"}, "c")
    assert (asked.primary_key, asked.secondary_key) == ("one", "two")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cpu_cores": 0}, "cpu_cores must be a number greater than zero, not 0"),
        ({"memory_gb": -1}, "memory_gb must be a number greater than zero, not -1"),
        ({"ssl_enabled": True}, "ssl_enabled needs a certificate, a key and a CNAME"),
        ({"ssl_cert_pem_file": "nowhere.pem"}, "ssl_cert_pem_file: there is no file nowhere.pem"),
        ({"cmk_key_name": "k"}, "cmk_vault_base_url, cmk_key_name and cmk_key_version go together"),
        ({"vnet_name": "v"}, "vnet_name and subnet_name go together"),
        ({"primary_key": "x", "secondary_key": "x"}, "primary_key and secondary_key must differ"),
        ({"primary_key": ""}, "primary_key must be a text that is not empty"),
        ({"tags": ["a"]}, "tags must be a dict"),
    ],
)
def test_faults_of_a_container_instance(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(WebserviceException, match=told):  # v1-behaviours 15.20
        AciWebservice.deploy_configuration(**settings)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(WebserviceException, match=r"cpu_cores .*; memory_gb "):
        AciWebservice.deploy_configuration(cpu_cores=0, memory_gb=0)


def test_what_has_no_effect_is_named_and_kept() -> None:
    with pytest.warns(UserWarning, match="no effect here: location, dns_name_label"):
        asked = AciWebservice.deploy_configuration(location="westeurope", dns_name_label="iris")
    assert asked._deployment().details == {"location": "westeurope", "dns_name_label": "iris"}
    with pytest.warns(UserWarning, match="no effect here: gpu_cores, namespace, period_seconds"):
        AksWebservice.deploy_configuration(gpu_cores=1, namespace="n", period_seconds=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AciWebservice.deploy_configuration(enable_app_insights=False)


def test_kubernetes_defaults() -> None:
    # v1-behaviours 15.21
    assert AksWebservice.deploy_configuration()._deployment() == Deployment(
        kind="aks",
        auth="key",
        autoscale=Autoscale(min_replicas=1, max_replicas=10, target_utilization=70, refresh_s=1),
        scoring_timeout_ms=60_000,
        max_wait_ms=500,
        max_concurrent=1,
    )


def test_a_number_of_replicas_takes_the_place_of_autoscaling() -> None:
    fixed = AksWebservice.deploy_configuration(num_replicas=3)._deployment()
    assert (fixed.replicas, fixed.autoscale) == (3, None)
    single = AksWebservice.deploy_configuration(autoscale_enabled=False)._deployment()
    assert (single.replicas, single.autoscale) == (1, None)


def test_everything_of_a_kubernetes_service_is_asked_for() -> None:
    asked = AksWebservice.deploy_configuration(
        autoscale_enabled=True,
        autoscale_min_replicas=2,
        autoscale_max_replicas=4,
        autoscale_refresh_seconds=3,
        autoscale_target_utilization=50,
        collect_model_data=True,
        auth_enabled=False,
        cpu_cores=0.5,
        cpu_cores_limit=1,
        memory_gb=1,
        memory_gb_limit=2,
        scoring_timeout_ms=1000,
        replica_max_concurrent_requests=2,
        max_request_wait_time=0,
    )
    assert asked._deployment() == Deployment(
        kind="aks",
        resources=Resources(0.5, 1.0),
        limits=Resources(1.0, 2.0),
        autoscale=Autoscale(2, 4, 50, 3),
        auth="none",
        scoring_timeout_ms=1000,
        max_wait_ms=0,
        max_concurrent=2,
        capture=Capture(True, True),
    )


@pytest.mark.parametrize(
    ("settings", "auth"),
    [
        ({}, "key"),
        ({"auth_enabled": False}, "none"),
        ({"token_auth_enabled": True}, "token"),
        ({"token_auth_enabled": True, "auth_enabled": False}, "token"),
        ({"token_auth_enabled": False}, "key"),
    ],
)
def test_who_may_ask_a_kubernetes_service(settings: dict[str, Any], auth: str) -> None:
    assert AksWebservice.deploy_configuration(**settings)._deployment().auth == auth


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"autoscale_enabled": True, "num_replicas": 2}, "num_replicas and autoscale_enabled exclude each other"),
        (
            {"autoscale_enabled": False, "autoscale_max_replicas": 2},
            "autoscale_max_replicas need autoscale_enabled=True",
        ),
        ({"num_replicas": 2, "autoscale_min_replicas": 1}, "autoscale_min_replicas need autoscale_enabled=True"),
        ({"autoscale_min_replicas": 11}, "above autoscale_max_replicas, which is 10"),
        ({"autoscale_target_utilization": 101}, "must be a percentage"),
        ({"num_replicas": 0}, "num_replicas must be a whole number greater than zero"),
        ({"scoring_timeout_ms": 1.5}, "scoring_timeout_ms must be a whole number greater than zero"),
        ({"max_request_wait_time": -1}, "max_request_wait_time must be a whole number"),
        ({"cpu_cores": 2, "cpu_cores_limit": 1}, "cpu_cores is 2, above cpu_cores_limit, which is 1"),
        ({"auth_enabled": True, "token_auth_enabled": True}, "exclude each other: keys or tokens"),
        ({"gpu_cores": -1}, "gpu_cores must be a whole number"),
    ],
)
def test_faults_of_a_kubernetes_service(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(WebserviceException, match=told):  # v1-behaviours 15.21
        AksWebservice.deploy_configuration(**settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"version_name": "No"}, "version_name 'No' cannot be used"),
        ({"traffic_percentile": 101}, "traffic_percentile must be a whole number from 0 to 100"),
        ({"num_replicas": 0}, "num_replicas"),
    ],
)
def test_faults_of_an_endpoint(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(WebserviceException, match=told):
        AksEndpoint.deploy_configuration(**settings)


def test_settings_are_printed_and_keys_are_not(capsys: Any) -> None:
    AksWebservice.deploy_configuration(cpu_cores=1, primary_key="secret", tags={"a": "b"}).print_deploy_configuration()
    AciWebservice.deploy_configuration(memory_gb=2).print_deploy_configuration()
    LocalWebservice.deploy_configuration(port=80).print_deploy_configuration()
    told = capsys.readouterr().out
    assert told == "cpu_cores: 1\ntags: {'a': 'b'}\nmemory_gb: 2\nport: 80\n"


def test_an_image_must_be_there_to_be_deployed() -> None:
    with pytest.raises(WebserviceException, match="None was given"):
        WebserviceDeploymentConfiguration.validate_image(None)
    with pytest.raises(WebserviceException, match="its state is None"):
        WebserviceDeploymentConfiguration.validate_image(object())
