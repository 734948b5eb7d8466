"""Where a model's files are in a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.sdk.exceptions import ModelNotFoundException, WebserviceException
from amlet.sdk.model import Model


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Two versions of iris and a folder of two files, as a service has them."""
    for name in ("iris/2/model.joblib", "iris/10/model.joblib", "pair/1/a.pkl", "pair/1/b.pkl"):
        (tmp_path / "azureml-models" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "azureml-models" / name).write_bytes(b"x")
    return tmp_path / "azureml-models"


def test_a_service_of_several_models_finds_each(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(served))  # v1-behaviours 14.8, 15.18
    assert Model.get_model_path("iris") == str(served / "iris/10/model.joblib")
    assert Model.get_model_path("iris", version=2) == str(served / "iris/2/model.joblib")
    assert Model.get_model_path("pair") == str(served / "pair/1")


def test_a_service_of_one_model_finds_it(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(served / "iris/2"))  # v1-behaviours 15.18
    assert Model.get_model_path("iris", 2) == str(served / "iris/2/model.joblib")


def test_a_model_that_the_service_lacks_is_not_found(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(served))
    for name, version in (("wine", None), ("iris", 3)):
        with pytest.raises(ModelNotFoundException, match="was deployed with"):
            Model.get_model_path(name, version)
    with pytest.raises(WebserviceException, match="version must be an int"):
        Model.get_model_path("iris", version="2")  # type: ignore[arg-type]
