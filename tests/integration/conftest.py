"""Builds that several tests of services use, made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scoring") / "build"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    packages = ["scikit-learn", "joblib", "pandas", "hypothesis"]
    found = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", str(found), *packages], check=True)
    return found


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("overlay")
    uv = str(Path(sys.executable).with_name("uv"))
    argv = [
        uv,
        "pip",
        "install",
        "-q",
        "--python",
        sys.executable,
        "--target",
        str(folder),
        "httptools",
        "uvloop",
        "orjson",
    ]
    subprocess.run(argv, check=True)
    return folder


@pytest.fixture(scope="session")
def iris(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of that build's scikit-learn."""
    file = tmp_path_factory.mktemp("iris") / "svc.joblib"
    train = "import joblib, sys; from sklearn.datasets import load_iris; from sklearn.svm import SVC; "
    train += "joblib.dump(SVC().fit(*load_iris(return_X_y=True)), sys.argv[1])"
    subprocess.run([str(python), "-c", train, str(file)], check=True)
    return file


@pytest.fixture(scope="session")
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with every framework that is served without code."""
    folder = tmp_path_factory.mktemp("frameworks") / "build"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    # xgboost-cpu is XGBoost without 300 MB for graphics cards.
    packages = [
        "scikit-learn",
        "joblib",
        "pandas",
        "skops",
        "lightgbm",
        "xgboost-cpu",
        "skl2onnx",
        "onnxruntime",
        "pyarrow",
    ]
    found = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", str(found), *packages], check=True)
    return found
