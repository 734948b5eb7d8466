"""An environment in a folder: written and read again."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from amlet.domain.environment import EnvironmentSpec
from amlet.sdk.build_context import DockerBuildContext
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.spark_section import SparkPackage
from support.specs import specs


def test_the_files_are_those_of_v1(tmp_path: Path) -> None:
    env = Environment.from_dockerfile("mine", "FROM a\nRUN b\n")
    env.save_to_directory(tmp_path / "new folder" / "ü")  # v1-behaviours 10.12
    folder = tmp_path / "new folder" / "ü"
    names = ["BaseDockerfile", "azureml_environment.json", "conda_dependencies.yml"]
    assert sorted(item.name for item in folder.iterdir()) == names
    assert (folder / "BaseDockerfile").read_text() == "FROM a\nRUN b\n"
    text = (folder / "azureml_environment.json").read_text()
    told = json.loads(text)
    assert text == json.dumps(told, indent=4)
    assert "condaDependencies" not in told["python"]
    assert "baseDockerfile" not in told["docker"]
    assert told["python"]["userManagedDependencies"] is True


def test_a_folder_that_is_there_is_written_over_only_when_asked(tmp_path: Path) -> None:
    Environment.from_dockerfile("mine", "FROM a").save_to_directory(tmp_path / "x")
    with pytest.raises(FileExistsError, match="overwrite"):
        Environment("other").save_to_directory(tmp_path / "x")
    Environment("other").save_to_directory(tmp_path / "x", overwrite=True)
    read = Environment.load_from_directory(tmp_path / "x")
    assert (read.name, read.docker.base_dockerfile) == ("other", None)


@given(specs())
@settings(max_examples=60, deadline=None)
def test_what_is_read_is_what_was_written(spec: EnvironmentSpec) -> None:
    made = Environment._from_spec(spec)
    with tempfile.TemporaryDirectory() as folder:
        made.save_to_directory(folder, overwrite=True)
        read = Environment.load_from_directory(folder)
    assert read._to_spec() == spec
    assert read._to_definition() == made._to_definition()


def test_what_chooses_nothing_here_is_kept_too(tmp_path: Path) -> None:
    env = Environment("x")
    env.docker.enabled, env.docker.platform.architecture = True, "arm64"
    env.docker.build_context = DockerBuildContext(DockerBuildContext.LocationType.Git, "https://host/x.git")
    env.spark.packages = [SparkPackage("g", "a", "1")]
    env.python.base_conda_environment = "base"
    env.inferencing_stack_version = "latest"
    env.save_to_directory(tmp_path / "x")
    read = Environment.load_from_directory(tmp_path / "x")
    assert repr(read) == repr(env)
    assert isinstance(read.spark.packages[0], SparkPackage)


def test_line_ends_of_a_dockerfile_are_kept(tmp_path: Path) -> None:
    Environment.from_dockerfile("x", "FROM a\r\nRUN b\r\n").save_to_directory(tmp_path / "x")
    assert Environment.load_from_directory(tmp_path / "x").docker.base_dockerfile == "FROM a\r\nRUN b\r\n"


def test_a_folder_without_a_definition_and_a_broken_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"azureml_environment\.json"):
        Environment.load_from_directory(tmp_path)  # v1-behaviours 10.12
    place = tmp_path / "azureml_environment.json"
    for text, told in (("[", "is not JSON"), ("[]", "must be a mapping"), ('{"python": 3}', "python: must be")):
        place.write_text(text)
        with pytest.raises(UserErrorException, match=told):
            Environment.load_from_directory(tmp_path)


def test_a_definition_that_v1_wrote_is_read_without_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = {
        "name": "old", "version": "4", "assetId": None, "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"},
        "python": {"interpreterPath": "python", "userManagedDependencies": False, "baseCondaEnvironment": None},
        "docker": {
            "enabled": False, "baseImage": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:20220708.v1",
            "platform": {"os": "Linux", "architecture": "amd64"}, "sharedVolumes": True, "shmSize": None,
            "baseImageRegistry": {"address": None, "username": None, "password": None}, "arguments": [],
            "gpuSupport": False, "buildContext": None,
        },
        "spark": {"repositories": [], "packages": [], "precachePackages": True}, "databricks": None, "r": None,
        "inferencingStackVersion": None,
    }  # fmt: skip
    (tmp_path / "azureml_environment.json").write_text(json.dumps(told))
    (tmp_path / "conda_dependencies.yml").write_text("dependencies: [python=3.8, numpy]")
    spec = Environment.load_from_directory(tmp_path)._to_spec()
    assert spec == EnvironmentSpec("old", "4", python="3.8", conda=["numpy"])
    assert capsys.readouterr().err == ""
