"""Environments as users hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amlet.domain.environment import EnvironmentSpec
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.workspace import Workspace


def test_a_name_must_be_a_text() -> None:
    with pytest.raises(TypeError):
        Environment(3)  # type: ignore[arg-type]  # v1-behaviours 10.1


def test_a_typo_in_an_attribute_fails_at_once() -> None:
    env = Environment("x")
    with pytest.raises(AttributeError, match="did you mean python"):
        env.pyhton = 1  # v1-behaviours 9.9
    with pytest.raises(AttributeError, match="has no attribute user_managed"):
        env.python.user_managed = True


def test_the_example_variable_is_there_and_never_reaches_the_job() -> None:
    env = Environment("x")
    assert env.environment_variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}  # v1-behaviours 10.1
    env.environment_variables["OMP_NUM_THREADS"] = "1"
    assert env._to_spec().variables == {"OMP_NUM_THREADS": "1"}


def test_requirements_replace_the_default_packages(tmp_path: Path) -> None:
    place = tmp_path / "requirements.txt"
    place.write_text("# mine\nscikit-learn==0.24\n\npandas\n")
    spec = Environment.from_pip_requirements("x", place)._to_spec()
    assert spec.pip == ["# mine", "scikit-learn==0.24", "", "pandas"]  # v1-behaviours 10.5
    assert spec.conda == [] and spec.python is None


def test_what_the_user_manages_is_only_an_interpreter() -> None:
    env = Environment("mine")
    env.python.user_managed_dependencies = True
    env.python.interpreter_path = "/opt/python"
    spec = env._to_spec()
    assert (spec.user_managed, spec.interpreter, spec.pip) == (True, "/opt/python", [])


def test_a_spec_makes_the_round_trip() -> None:
    spec = EnvironmentSpec(
        "x", "3", python="3.8", conda=["numpy=1.19"], pip=["pandas"], channels=["a"], variables={"A": "1"}
    )
    assert Environment._from_spec(spec)._to_spec() == spec


def test_registering_gives_a_new_object_with_the_version(workspace: Workspace) -> None:
    env = Environment("x")
    kept = env.register(workspace)
    assert (env.version, kept.version) == (None, "1")  # v1-behaviours 10.8
    assert Environment.get(workspace, "x").version == "1"
    assert list(Environment.list(workspace)) == ["x"]


def test_an_unknown_name_is_a_user_error_with_the_servers_hint(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException, match="AzureML-Tutorail") as caught:
        Environment.get(workspace=workspace, name="AzureML-Tutorail")
    assert caught.value.hint == "did you mean?"


def test_version_and_label_exclude_each_other(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException):
        Environment.get(workspace, "x", version="1", label="latest")  # v1-behaviours 10.9


def test_repr_is_json_and_str_names_it() -> None:
    env = Environment("x")
    assert json.loads(repr(env))["name"] == "x"  # v1-behaviours 10.13
    assert str(env) == "Environment(Name: x,\nVersion: None)"


def test_a_clone_has_no_version() -> None:
    env = Environment("x")
    env.version = "4"
    assert (env.clone("y").name, env.clone("y").version) == ("y", None)
    with pytest.raises(UserErrorException):
        env.clone("")


def test_a_docker_image_is_told_to_have_no_effect(capsys: Any) -> None:
    env = Environment("x")
    env.docker.base_image = "ubuntu"
    env._tell_what_is_left_out()
    assert "no container is used" in capsys.readouterr().err
