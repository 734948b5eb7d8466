"""What is said of a model, through the SDK, in v1's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.exceptions import UserErrorException, WebserviceException
from amlet.sdk.model import Model
from amlet.sdk.workspace import Workspace


class Dataset:
    def __init__(self, held_id: Any) -> None:
        self.id = held_id


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "m.joblib").write_bytes(b"x")
    return tmp_path / "m.joblib"


@pytest.fixture
def model(workspace: Workspace, place: Path) -> Model:
    return Model.register(workspace, place, "iris", tags={"a": "1"}, properties={"p": "1"})


def test_a_model_keeps_its_datasets_by_their_ids(workspace: Workspace, held: Any, place: Path) -> None:
    Model.register(workspace, place, "iris", datasets=[("training", Dataset("d1"))], sample_input_dataset=Dataset("d2"))
    (asked,) = held.client.models.asked
    assert ([tuple(use) for use in asked.datasets], asked.sample_input) == ([("training", "d1")], "d2")


@pytest.mark.parametrize("datasets", [["d1"], [("training",)], [("training", 3)]])
def test_what_is_no_pair_of_purpose_and_dataset_is_refused(workspace: Workspace, place: Path, datasets: Any) -> None:
    with pytest.raises(WebserviceException):
        Model.register(workspace, place, "iris", datasets=datasets)


def test_a_dataset_without_an_id_is_told_how_to_get_one(workspace: Workspace, place: Path) -> None:
    with pytest.raises(UserErrorException) as caught:
        Model.register(workspace, place, "iris", sample_input_dataset=Dataset(None))
    assert "register" in str(caught.value.hint)


def test_a_path_outside_the_folder_is_registered_with_a_note(
    workspace: Workspace, place: Path, tmp_path_factory: Any, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))  # v1-behaviours 14.1
    assert Model.register(workspace, place, "iris").version == 1
    assert "outside this folder" in capsys.readouterr().err
    monkeypatch.chdir(place.parent)
    Model.register(workspace, place, "iris")
    assert "outside" not in capsys.readouterr().err


def test_tags_change_with_v1s_words(model: Model, capsys: Any) -> None:
    model.add_tags({"a": "2", "b": "3"})  # v1-behaviours 14.6
    assert (model.tags, model.version) == ({"a": "2", "b": "3"}, 1)
    told = capsys.readouterr().out
    assert "Replacing tag a -> 1 with a -> 2" in told and "Model tag add operation complete." in told
    model.remove_tags(["a"])
    assert model.tags == {"b": "3"}
    model.update(tags={"c": None}, description="d")
    assert (model.tags, model.description) == ({"c": None}, "d")


def test_a_property_that_is_there_is_refused(model: Model) -> None:
    model.add_properties({"q": "2"})
    assert model.properties == {"p": "1", "q": "2"}
    with pytest.raises(WebserviceException, match="immutable"):
        model.add_properties({"p": "1"})  # v1-behaviours 14.6


def test_page_count_has_v1s_range(workspace: Workspace) -> None:
    with pytest.raises(WebserviceException, match="page_count"):
        Model.list(workspace, page_count=19)  # v1-behaviours 14.5


@pytest.mark.parametrize("text", ["iris@champion", "models:/iris@champion", "models:/iris/1", "models:/iris/latest"])
def test_a_reference_finds_its_version(workspace: Workspace, model: Model, text: str) -> None:
    model.set_alias("champion")
    assert Model(workspace, id=text).version == 1


def test_an_unknown_alias_is_told_with_a_near_one(workspace: Workspace, model: Model) -> None:
    model.set_alias("champion")
    with pytest.raises(WebserviceException, match="ModelNotFound") as caught:
        Model(workspace, id="iris@champoin")
    assert 'did you mean "champion"' in str(caught.value.hint)
