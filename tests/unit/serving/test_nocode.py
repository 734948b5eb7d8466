"""Which models are served without code, and in what."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from amlet.base.errors import InvalidInput
from amlet.domain.artifact import Entry, Tree
from amlet.domain.environment import Lock, Package, lock_of
from amlet.domain.model import Model
from amlet.serving import nocode

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def _model(framework: str | None, version: str | None = None) -> Model:
    return Model("w", "iris", 1, "t", framework, version, "r", "e", "l", None, {}, {}, None, 1, NOW)


def _files(*names: str) -> Tree:
    return Tree("t", [Entry(name, "0" * 64, 1) for name in names])


def _lock(*packages: str) -> Lock:
    return lock_of("3.11", "linux-x86_64", "x", [Package(name, "1.0") for name in packages])


@pytest.mark.parametrize(
    ("framework", "file", "packages"),
    [
        ("ScikitLearn", "model.joblib", ["scikit-learn"]),
        ("ScikitLearn", "model.skops", ["scikit-learn", "skops"]),
        ("Onnx", "model.onnx", ["onnxruntime"]),
        ("LightGBM", "model.txt", ["lightgbm"]),
        ("XGBoost", "model.ubj", ["xgboost-cpu"]),
    ],
)
def test_a_framework_is_served_in_the_environment_of_its_run(framework: str, file: str, packages: list[str]) -> None:
    model, files = _model(framework), _files(file, "labels.csv")
    nocode.check(model, files, _lock(*packages))
    nocode.check(model, files, None)
    assert nocode.model_file(model, files).path == file
    with pytest.raises(InvalidInput, match="has no ") as raised:
        nocode.check(model, files, _lock("numpy"))
    needed = [name.replace("-cpu", "") for name in packages]
    assert f"add {' and '.join(needed)} to the environment" in (raised.value.hint or "")


@pytest.mark.parametrize("framework", ["Custom", "TensorFlow", "PyTorch", "Multi", None])
def test_other_frameworks_are_sent_to_entry_scripts(framework: str | None) -> None:
    with pytest.raises(InvalidInput, match="ScikitLearn, Onnx, LightGBM, XGBoost are served without code"):
        nocode.check(_model(framework), _files("model.joblib"), None)  # v1-behaviours 15.2


def test_a_file_of_another_framework_is_not_taken_for_the_model() -> None:
    with pytest.raises(InvalidInput, match=r"no files ending in \.onnx"):
        nocode.check(_model("Onnx"), _files("model.joblib"), None)


@pytest.mark.parametrize(
    ("framework", "version", "first", "trained_with"),
    [
        ("ScikitLearn", "1.4.2", "scikit-learn==1.4.2", "1.4.2"),
        ("ScikitLearn", None, "scikit-learn", None),
        ("Onnx", "1.3", "onnxruntime", None),
        ("LightGBM", "4.5.0", "lightgbm==4.5.0", None),
    ],
)
def test_a_model_of_no_run_gets_its_framework_as_registered(
    framework: str, version: str | None, first: str, trained_with: str | None
) -> None:
    model = _model(framework, version)
    pip = nocode.environment_for(model).pip
    assert (pip[0], "skops" in pip) == (first, framework != "Onnx")
    assert nocode.trained_with(model, None) == trained_with
    recorded = "1.0" if framework != "Onnx" else None
    assert nocode.trained_with(model, _lock("scikit-learn")) == recorded


def test_an_old_scikit_learn_gets_no_package_that_it_cannot_have() -> None:
    spec = nocode.environment_for(_model("ScikitLearn", "0.20.3"))
    assert spec.pip == ["scikit-learn==0.20.3", "joblib", "numpy", "pandas"]
