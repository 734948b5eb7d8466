"""Builds that several tests of services use, made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.workers import made_once

UV = str(Path(sys.executable).with_name("uv"))

SCORING = ("scikit-learn", "joblib", "pandas", "hypothesis")
# xgboost-cpu is XGBoost without 300 MB for graphics cards.
FRAMEWORKS = (
    "scikit-learn",
    "joblib",
    "pandas",
    "skops",
    "lightgbm",
    "xgboost-cpu",
    "skl2onnx",
    "onnxruntime",
    "pyarrow",
)
OVERLAY = ("httptools", "uvloop", "orjson")


def _build(folder: Path, *packages: str) -> None:
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, str(folder / "build")], check=True)
    python = str(folder / "build" / "bin" / "python")
    subprocess.run([UV, "pip", "install", "-q", "--python", python, *packages], check=True)


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = made_once(tmp_path_factory, "scoring", lambda folder: _build(folder, *SCORING))
    return made / "build" / "bin" / "python"


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    argv = [UV, "pip", "install", "-q", "--python", sys.executable, "--target"]
    return made_once(
        tmp_path_factory, "overlay", lambda folder: subprocess.run([*argv, str(folder), *OVERLAY], check=True)
    )


@pytest.fixture(scope="session")
def iris(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of that build's scikit-learn."""
    train = "import joblib, sys; from sklearn.datasets import load_iris; from sklearn.svm import SVC; "
    train += "joblib.dump(SVC().fit(*load_iris(return_X_y=True)), sys.argv[1])"
    argv = [str(python), "-c", train]
    made = made_once(
        tmp_path_factory, "iris", lambda folder: subprocess.run([*argv, str(folder / "svc.joblib")], check=True)
    )
    return made / "svc.joblib"


@pytest.fixture(scope="session")
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with every framework that is served without code."""
    made = made_once(tmp_path_factory, "frameworks", lambda folder: _build(folder, *FRAMEWORKS))
    return made / "build" / "bin" / "python"
