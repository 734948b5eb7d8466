"""v1's configuration of a container image deploys as an InferenceConfig does; images themselves are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.container_image import ContainerImage, ContainerImageConfig
from amlet.sdk.exceptions import UserErrorException, WebserviceException
from amlet.sdk.webservice import AciWebservice, LocalWebservice, Webservice
from amlet.sdk.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    (tmp_path / "env.yml").write_text("dependencies:\n  - pip:\n    - joblib\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "one.py").write_text("")
    (tmp_path / "two.py").write_text("")
    return tmp_path


def test_the_script_goes_with_its_dependencies_alone(workspace: Workspace, folder: Path, held: Any) -> None:
    config = ContainerImage.image_configuration(
        execution_script="score.py", runtime="python", conda_file="env.yml", dependencies=["parts", "two.py"]
    )
    made = Webservice.deploy_from_model(workspace, "iris-service", [], config, AciWebservice.deploy_configuration())
    asked = held.client.services.deployed[-1]
    assert sorted(entry.path for entry in asked.source) == ["parts/one.py", "score.py", "two.py"]
    assert ("joblib" in asked.deployment.environment.pip, type(made)) == (True, AciWebservice)


def test_they_are_read_again_with_it(workspace: Workspace, folder: Path, held: Any) -> None:
    config = ContainerImageConfig("score.py", "python", dependencies=["two.py"])
    made = Webservice.deploy_local_from_model(workspace, "local-one", [], config)
    assert isinstance(made, LocalWebservice)
    (folder / "two.py").write_text("TWO = 2")
    made.reload()
    before, after = held.client.services.deployed[-1].source, held.client.services.updated[-1].source
    assert [entry.path for entry in after] == ["score.py", "two.py"]
    assert (after[0], after[1].sha256 != before[1].sha256) == (before[0], True)


def test_what_is_not_there_or_has_no_effect_is_told(folder: Path) -> None:
    with pytest.raises(WebserviceException, match="dependencies that are not there: gone"):
        ContainerImageConfig("score.py", "python", dependencies=["gone"])
    with pytest.warns(UserWarning, match="no effect here: schema_file, tags"):
        ContainerImageConfig("score.py", "python", schema_file="s.json", tags={"a": "b"})


def test_images_are_refused_by_name() -> None:
    with pytest.raises(UserErrorException, match=r"amlet does not have ContainerImage\.create") as caught:
        ContainerImage.create("image", [], None, None)
    assert "deploy_from_model" in caught.value.hint
    with pytest.raises(UserErrorException, match="amlet does not have ContainerImage"):
        ContainerImage(None, "image")
