"""The image of an environment: v1's own means no container, one of the user's is what jobs run in."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from amlet.domain.environment import Container
from amlet.sdk.build_context import DockerBuildContext
from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.docker_section import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE, DockerSection
from amlet.sdk.environment import Environment
from amlet.sdk.environment_spec import with_docker
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.runconfig_sections import DockerConfiguration
from amlet.sdk.workspace import Workspace


@pytest.mark.parametrize(
    "image",
    [
        DEFAULT_CPU_IMAGE,
        DEFAULT_GPU_IMAGE,
        "mcr.microsoft.com/azureml/base:intelmpi2018.3-ubuntu16.04",
        "mcr.microsoft.com/azureml/intelmpi2018.3-ubuntu16.04:20200821.v1",
        "mcr.microsoft.com/azureml/openmpi3.1.2-cuda10.1-cudnn7-ubuntu18.04",
        None,
    ],
)
def test_a_base_image_of_v1_means_no_container(image: str | None) -> None:
    env = Environment("x")
    env.docker.base_image = image
    assert env._to_spec().container is None


def test_a_base_image_of_v1_that_the_user_chose_is_told_to_mean_none(capsys: Any) -> None:
    env = Environment("x")
    env.docker.base_image = DEFAULT_GPU_IMAGE
    env._tell_what_is_left_out()
    assert "a base image of v1's: no container is needed" in capsys.readouterr().err


@pytest.mark.parametrize("image", ["ubuntu", "mcr.microsoft.com/azureml/curated/sklearn:1", "my.azurecr.io/x@sha256:0"])
def test_an_image_of_the_users_own_is_what_jobs_run_in(image: str) -> None:
    env = Environment("x")
    env.docker.base_image = image
    env.docker.shm_size, env.docker.arguments = "1g", ["--cap-add", "SYS_PTRACE"]
    assert env._to_spec().container == Container(image, None, "1g", ["--cap-add", "SYS_PTRACE"])
    assert env._to_spec().pip == ["azureml-defaults"]


def test_one_of_image_dockerfile_and_context_takes_the_place_of_the_others(tmp_path: Path, capsys: Any) -> None:
    env = Environment("x")
    env.docker.base_dockerfile = "FROM a"  # v1-behaviours 10.3
    assert (env.docker.base_image, capsys.readouterr().err) == (None, "")
    env.docker.base_image = "b"
    assert env.docker.base_dockerfile is None
    assert "docker.base_dockerfile is now None" in capsys.readouterr().err
    (tmp_path / "Dockerfile").write_text("FROM c")
    env.docker.build_context = DockerBuildContext(location=str(tmp_path))
    assert env.docker.base_image is None
    assert "docker.base_image is now None" in capsys.readouterr().err
    env.docker.base_image = None
    assert env.docker.build_context is not None
    assert env._to_spec().container == Container(None, "FROM c", "2g", [])


def test_a_dockerfile_is_its_text_its_path_or_an_open_file(tmp_path: Path) -> None:
    place = tmp_path / "Dockerfile"
    place.write_text("FROM a\n")
    for given in (place, str(place), "FROM a\n", io.StringIO("FROM a\n"), io.BytesIO(b"FROM a\n")):
        section = DockerSection(base_dockerfile=given)  # v1-behaviours 10.3
        assert section.base_dockerfile == "FROM a\n"
    with pytest.raises(UserErrorException, match="not int"):
        DockerSection(base_dockerfile=3)


@pytest.mark.parametrize(
    ("dockerfile", "told"),
    [("docker/Dockerfile", "is no file and no Dockerfile"), ("FROM a\nCOPY . /x\n", r"line 2: COPY '\.' needs")],
)
def test_a_dockerfile_that_cannot_be_built_from_its_text_is_told(dockerfile: str, told: str) -> None:
    env = Environment.from_dockerfile("x", dockerfile)
    with pytest.raises(UserErrorException, match=told):
        env._to_spec()


def test_a_build_context_may_not_be_needed(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nRUN b\n")
    made = DockerBuildContext.from_local_directory(workspace, tmp_path)
    spec = Environment.from_docker_build_context("x", made)._to_spec()
    assert (spec.user_managed, spec.container) == (True, Container(None, "FROM a\nRUN b\n", "2g", []))
    (tmp_path / "Dockerfile").write_text("FROM a\nCOPY requirements.txt .\n")
    with pytest.raises(UserErrorException, match=r"line 2: COPY 'requirements\.txt'") as caught:
        DockerBuildContext.from_local_directory(workspace, tmp_path)
    assert "podman build" in str(caught.value.hint)
    with pytest.raises(FileNotFoundError, match="other"):
        DockerBuildContext.from_local_directory(workspace, tmp_path, "other")
    env = Environment("x")
    env.docker.build_context = DockerBuildContext(DockerBuildContext.LocationType.Git, "https://host/x.git")
    with pytest.raises(UserErrorException, match="is not fetched"):
        env._to_spec()


def test_an_image_brings_its_own_python_unless_packages_are_named(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("dependencies: [python=3.11, numpy]\n")
    (tmp_path / "r.txt").write_text("numpy\n")
    plain = Environment.from_docker_image("x", "mine")._to_spec()  # v1-behaviours 10.7
    assert (plain.user_managed, plain.interpreter, plain.container) == (True, "python", Container("mine", None, "2g"))
    conda = Environment.from_docker_image("x", "mine", conda_specification=tmp_path / "c.yml")._to_spec()
    assert (conda.user_managed, conda.conda, conda.python) == (False, ["numpy"], "3.11")
    pip = Environment.from_dockerfile("x", "FROM a", pip_requirements=tmp_path / "r.txt")._to_spec()
    assert (pip.user_managed, pip.pip) == (False, ["numpy"])
    with pytest.raises(UserErrorException, match="not both"):
        Environment.from_docker_image("x", "mine", None, tmp_path / "c.yml", tmp_path / "r.txt")


def test_a_registrys_address_goes_before_the_image_and_its_password_nowhere(capsys: Any) -> None:
    registry = ContainerRegistry()
    registry.address, registry.username, registry.password = "my.azurecr.io", "me", "s3cret"
    env = Environment.from_docker_image("x", "team/image:1", container_registry=registry)
    for _ in range(2):
        env._tell_what_is_left_out()
    told = capsys.readouterr().err
    assert told.count("podman login my.azurecr.io") == 1
    assert env._to_spec().container == Container("my.azurecr.io/team/image:1", None, "2g")
    assert registry.password is None
    assert not any(
        "s3cret" in text for text in (repr(env), repr(env.docker), repr(registry), str(env._to_spec()), told)
    )
    env.docker.base_image = "my.azurecr.io/team/image:1"
    assert env._to_spec().container == Container("my.azurecr.io/team/image:1", None, "2g")


def test_the_run_configuration_may_say_how_the_container_is_run() -> None:
    env = Environment("x")
    env.docker.base_image, env.version = "mine", "3"
    env.docker.arguments = ["--a"]
    spec = env._to_spec()
    assert with_docker(spec, DockerConfiguration()) == spec
    changed = with_docker(spec, DockerConfiguration(use_docker=True, shm_size="8g", arguments=["--b"]))
    assert (changed.container, changed.version) == (Container("mine", None, "8g", ["--b"]), None)
    env.docker.base_image = None
    assert with_docker(env._to_spec(), DockerConfiguration(shm_size="8g")).container is None


def test_a_typo_names_the_property_that_was_meant() -> None:
    with pytest.raises(AttributeError, match="did you mean base_image"):
        DockerSection().base_imgae = "x"  # v1-behaviours 9.9


def test_the_section_shows_all_that_is_set() -> None:
    told = repr(DockerSection(base_image="mine"))
    assert all(part in told for part in ("base_image='mine'", "base_dockerfile=None", "shm_size='2g'"))
    assert json.loads(repr(Environment("x")))["docker"]["baseImage"] == DEFAULT_CPU_IMAGE
