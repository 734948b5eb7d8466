"""Models and services as users hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.exceptions import ModelNotFoundException, UserErrorException, WebserviceException
from amlet.sdk.model import Model
from amlet.sdk.workspace import Workspace


@pytest.fixture
def model(workspace: Workspace, tmp_path: Path) -> Model:
    place = tmp_path / "model.joblib"
    place.write_bytes(b"bytes of a model")
    return Model.register(workspace, str(place), "iris", tags={"a": "1"}, model_framework="ScikitLearn")


def test_registering_a_file_sends_it_under_its_own_name(model: Model, held: Any) -> None:
    (asked,) = held.client.models.asked
    assert [entry.path for entry in asked.entries] == ["model.joblib"] and asked.run_id is None
    assert (model.id, model.tags, model.run) == ("iris:1", {"a": "1"}, None)


def test_registering_a_folder_sends_all_below_it(workspace: Workspace, held: Any, tmp_path: Path) -> None:
    for name in ("m/a.pkl", "m/deep/b.pkl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    Model.register(workspace, tmp_path / "m", "two")
    assert [entry.path for entry in held.client.models.asked[0].entries] == ["m/a.pkl", "m/deep/b.pkl"]
    Model.register(workspace, tmp_path / "m", "one", child_paths=["a.pkl"])
    assert [entry.path for entry in held.client.models.asked[1].entries] == ["m/a.pkl"]


def test_a_missing_path_is_file_not_found(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):  # v1-behaviours 14.1
        Model.register(workspace, tmp_path / "no", "m")


def test_a_model_is_found_by_name_and_by_id(workspace: Workspace, model: Model) -> None:
    assert Model(workspace, name="iris").version == 1
    assert Model(workspace, id="iris:1").name == "iris"
    assert list(workspace.models) == ["iris"]
    assert Model.list(workspace, tags=[["a", "1"]]) and not Model.list(workspace, tags=[["a", "2"]])


def test_a_missing_model_is_told_with_v1s_words_and_a_near_name(workspace: Workspace, model: Model) -> None:
    with pytest.raises(WebserviceException, match="ModelNotFound: Model with name irsi") as caught:
        Model(workspace, name="irsi")  # v1-behaviours 14.4
    assert 'did you mean "iris"' in str(caught.value.hint)
    with pytest.raises(WebserviceException, match="needs a name"):
        Model(workspace)


def test_tags_must_be_a_list(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException):
        Model.list(workspace, tags={"a": "1"})  # type: ignore[arg-type]  # v1-behaviours 14.5


def test_downloading_gives_the_path_and_never_overwrites_unasked(model: Model, tmp_path: Path) -> None:
    target = str(tmp_path / "to")
    assert model.download(target) == f"{target}/model.joblib"  # v1-behaviours 14.7
    with pytest.raises(WebserviceException, match="There already"):
        model.download(target)
    assert model.download(target, exists_ok=True) == f"{target}/model.joblib"


def test_a_models_path_is_a_local_file_else_the_workspaces(
    workspace: Workspace, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Model.get_model_path("model.joblib") == "model.joblib"  # v1-behaviours 14.8
    assert Model.get_model_path("iris", _workspace=workspace) == "azureml-models/iris/1/model.joblib"
    with pytest.raises(WebserviceException):
        Model.get_model_path("iris", version="1")  # type: ignore[arg-type]
    with pytest.raises(ModelNotFoundException):
        Model.get_model_path("nowhere")


def test_deploying_sends_the_models_id(workspace: Workspace, model: Model, held: Any) -> None:
    service = Model.deploy(workspace, "iris-service", [model])
    assert (held.client.services.deployed[0].deployment.model_ids, service.name) == (["iris:1"], "iris-service")


@pytest.mark.parametrize("name", ["Iris", "a", "ends-", "x" * 33])
def test_a_bad_name_of_a_service_is_refused(workspace: Workspace, model: Model, name: str) -> None:
    with pytest.raises(WebserviceException, match="cannot be the name of a service"):  # v1-behaviours 15.1
        Model.deploy(workspace, name, [model])


def test_several_models_need_an_inference_config(workspace: Workspace, model: Model) -> None:
    with pytest.raises(UserErrorException, match="You must provide an InferenceConfig"):  # v1-behaviours 15.2
        Model.deploy(workspace, "iris-service", [model, model])
