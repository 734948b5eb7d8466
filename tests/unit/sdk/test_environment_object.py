"""Environments as users hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amlet.domain.environment import EnvironmentSpec
from amlet.sdk.environment import Environment, EnvironmentReference
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.spark_section import SparkPackage
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


def test_the_defaults_are_those_of_v1() -> None:
    env = Environment("x")  # v1-behaviours 10.1
    assert (env.version, env.python.user_managed_dependencies, env.python.interpreter_path) == (None, False, "python")
    docker = env.docker
    assert (docker.enabled, docker.shm_size, docker.shared_volumes, docker.arguments) == (False, "2g", True, [])
    assert str(docker.base_image).startswith("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:")
    assert env._to_spec() == EnvironmentSpec("x", pip=["azureml-defaults"], channels=["anaconda", "conda-forge"])


def test_setting_the_variables_logs_that_v1_moved_them_and_works(caplog: Any) -> None:
    env = Environment("x")
    env.environment_variables = {"A": "1"}  # v1-behaviours 10.2
    assert "deprecated" in caplog.text
    assert env._to_spec().variables == {"A": "1"}


def test_the_prefix_of_a_yaml_is_ignored_and_said(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "c.yml").write_text("dependencies: [python=3.11, numpy]\nprefix: /opt/conda/envs/x\n")
    spec = Environment.from_conda_specification("x", tmp_path / "c.yml")._to_spec()
    assert (spec.python, spec.conda) == ("3.11", ["numpy"])
    assert "its prefix is ignored" in capsys.readouterr().err


def test_a_yaml_without_python_gets_that_of_v1_with_a_warning(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "c.yml").write_text("dependencies: [numpy]\n")
    env = Environment.from_conda_specification("x", tmp_path / "c.yml")
    assert env._to_spec().python == "3.10.18"  # v1-behaviours 10.4
    assert "names no Python" in capsys.readouterr().err
    (tmp_path / "c.yml").write_text("dependencies: ['python>=3.9', numpy]\n")
    assert Environment.from_conda_specification("x", tmp_path / "c.yml")._to_spec().python == ">=3.9"
    assert capsys.readouterr().err == ""


def test_variables_of_the_yaml_reach_the_job_and_those_of_the_object_come_first(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("dependencies: [python=3.11]\nvariables: {A: 1, B: b}\n")
    env = Environment.from_conda_specification("x", tmp_path / "c.yml")
    env.environment_variables["B"] = "mine"
    assert env._to_spec().variables == {"A": "1", "B": "mine"}


def test_strict_is_set_where_python_is() -> None:
    env = Environment("x")
    env.python.strict = True
    assert env._to_spec().strict
    assert Environment._from_spec(env._to_spec()).python.strict
    assert json.loads(repr(env))["python"]["strict"] is True
    assert "strict" not in json.loads(repr(Environment("x")))["python"]


def test_conda_dependencies_of_another_type_are_told() -> None:
    env = Environment("x")
    env.python.conda_dependencies = "conda.yml"  # type: ignore[assignment]
    with pytest.raises(UserErrorException, match="must be CondaDependencies, not str"):
        env._to_spec()


def test_every_version_can_be_asked_for(workspace: Workspace) -> None:
    Environment("x").register(workspace)
    Environment("y").register(workspace)
    assert [str(env.version) for env in Environment.versions(workspace, "x")] == ["1"]
    assert EnvironmentReference("x", "1").get_environment(workspace).name == "x"
    assert Environment.get(workspace, "x", label="Latest").version == "1"
    with pytest.raises(UserErrorException, match='no label "prod"'):
        Environment.get(workspace, "x", label="prod")


def test_registering_a_version_that_is_named_warns(workspace: Workspace, capsys: Any) -> None:
    env = Environment("x")
    env.version = "7"
    env.register(workspace)
    assert "registered as version 7" in capsys.readouterr().err  # v1-behaviours 10.8


@pytest.mark.parametrize("name", ["label", "add_private_pip_wheel"])
def test_what_amlet_has_not_is_refused_by_name(name: str) -> None:
    with pytest.raises(UserErrorException, match=f"Environment.{name}") as caught:
        getattr(Environment, name)(None)
    assert caught.value.hint


def test_what_has_no_effect_is_told(capsys: Any) -> None:
    env = Environment("x")
    env._tell_what_is_left_out()
    assert capsys.readouterr().err == ""
    env.python.base_conda_environment = "base"
    env.spark.packages = [SparkPackage("g", "a", "1")]
    env._tell_what_is_left_out()
    assert "no effect here: python.base_conda_environment, spark.packages" in capsys.readouterr().err
