"""A model to deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.sdk.model import Model
from amlet.sdk.workspace import Workspace


@pytest.fixture
def model(workspace: Workspace, tmp_path: Path) -> Model:
    (tmp_path / "model.joblib").write_bytes(b"a model")
    return Model.register(workspace, tmp_path / "model.joblib", "iris", model_framework="ScikitLearn")
