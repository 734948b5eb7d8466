"""Deploying: what is checked before anything is sent, and what is sent (v1-behaviours 15.1, 15.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.base.errors import InvalidInput
from amlet.domain.deployment import Deployment
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException, WebserviceException
from amlet.sdk.inference_config import InferenceConfig
from amlet.sdk.model import Model
from amlet.sdk.webservice import AciWebservice, AksWebservice, LocalWebservice, Webservice
from amlet.sdk.workspace import Workspace


@pytest.fixture
def model(workspace: Workspace, tmp_path: Path) -> Model:
    (tmp_path / "model.joblib").write_bytes(b"a model")
    return Model.register(workspace, tmp_path / "model.joblib", "iris", model_framework="ScikitLearn")


@pytest.fixture
def config(tmp_path: Path) -> InferenceConfig:
    (tmp_path / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    environment = Environment("scoring")
    environment.python.conda_dependencies.add_pip_package("scikit-learn")
    environment.environment_variables = {"A": "1"}
    return InferenceConfig(tmp_path / "score.py", environment=environment)


def test_without_a_configuration_it_is_a_container_instance(workspace: Workspace, model: Model, held: Any) -> None:
    made = Model.deploy(workspace, "iris-service", [model])  # v1-behaviours 15.2
    assert type(made) is AciWebservice
    assert held.client.services.deployed[-1].deployment == Deployment(["iris:1"], kind="aci")


def test_an_entry_script_goes_along_with_its_environment(
    workspace: Workspace, model: Model, config: InferenceConfig, held: Any
) -> None:
    Model.deploy(workspace, "iris-service", [model, model], config, AksWebservice.deploy_configuration())
    asked = held.client.services.deployed[-1]
    assert (asked.deployment.entry_script, [entry.path for entry in asked.source]) == ("score.py", ["score.py"])
    spec = asked.deployment.environment
    assert ("scikit-learn" in spec.pip, spec.variables) == (True, {"A": "1"})
    assert asked.deployment.model_ids == ["iris:1", "iris:1"]


def test_an_entry_script_needs_no_model(workspace: Workspace, config: InferenceConfig, held: Any) -> None:
    Model.deploy(workspace, "a-script", [], config)
    assert held.client.services.deployed[-1].deployment.model_ids == []


@pytest.mark.parametrize("models", ["iris", "iris:1", ["iris"], [Path("model.joblib")], ["model.joblib"]])
def test_models_may_be_named_in_every_form(
    workspace: Workspace, model: Model, held: Any, models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Model.deploy(workspace, "iris-service", models)
    (sent,) = held.client.services.deployed[-1].deployment.model_ids
    by_path = "model.joblib" in str(models)
    assert sent == ("model.joblib:1" if by_path else "iris:1")  # a path is registered under its own name


def test_other_things_are_no_models(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException, match="models must be models or their ids, not int"):
        Model.deploy(workspace, "iris-service", [1])  # type: ignore[list-item]


def test_what_cannot_be_served_without_code_is_the_callers_error(
    workspace: Workspace, model: Model, config: InferenceConfig, held: Any
) -> None:
    held.client.services.refusal = InvalidInput("Model iris:1 has the framework Custom.", hint="a hint")
    with pytest.raises(UserErrorException, match="has the framework Custom"):  # v1-behaviours 15.2
        Model.deploy(workspace, "iris-service", [model])
    with pytest.raises(WebserviceException, match="has the framework Custom"):
        Model.deploy(workspace, "iris-service", [model], config)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"deployment_config": {"port": 80}}, "deployment_config must be one that deploy_configuration"),
        ({"inference_config": "score.py"}, "inference_config must be an InferenceConfig, not str"),
        ({"deployment_target": "aks"}, "serves no models"),
    ],
)
def test_other_things_are_no_configurations(
    workspace: Workspace, model: Model, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(WebserviceException, match=told):
        Model.deploy(workspace, "iris-service", [model], **settings)


def test_encryption_is_refused_with_what_to_do(workspace: Workspace, model: Model, tmp_path: Path) -> None:
    pem = tmp_path / "a.pem"
    pem.write_text("")
    config = AciWebservice.deploy_configuration(
        ssl_enabled=True, ssl_cert_pem_file=str(pem), ssl_key_pem_file=str(pem), ssl_cname="iris"
    )
    with pytest.raises(WebserviceException, match="ssl_enabled=True cannot be done") as caught:
        Model.deploy(workspace, "iris-service", [model], None, config)
    assert caught.value.hint is not None and "proxy" in caught.value.hint


def test_what_the_server_notes_is_told(workspace: Workspace, model: Model, held: Any, capsys: Any) -> None:
    held.client.services.notes = ["Its version is another."]
    Model.deploy(workspace, "iris-service", [model])
    assert "Its version is another." in capsys.readouterr().err


def test_the_older_calls_deploy_too(
    workspace: Workspace, model: Model, config: InferenceConfig, held: Any, tmp_path: Path
) -> None:
    Webservice.deploy_from_model(workspace, "first", [model], config, overwrite=True)
    Webservice.deploy(workspace, "second", [str(tmp_path / "model.joblib")], config)
    local = Webservice.deploy_local_from_model(workspace, "third", [model], config, wait=True)
    first, second, third = held.client.services.deployed
    assert (first.overwrite, first.deployment.model_ids) == (True, ["iris:1"])
    assert second.deployment.model_ids == ["model.joblib:1"]
    assert (third.deployment.kind, type(local)) == ("local", LocalWebservice)
    with pytest.raises(UserErrorException, match=r"amlet does not have Webservice\.deploy_from_image"):
        Webservice.deploy_from_image(workspace, "fourth", None)
