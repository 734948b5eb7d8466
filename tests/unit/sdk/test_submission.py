"""What is checked and sent at a submit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.exceptions import (
    AzureMLException,
    ExperimentExecutionException,
    RunConfigurationException,
    UserErrorException,
)
from amlet.sdk.experiment import Experiment
from amlet.sdk.git import without_password
from amlet.sdk.runconfig import DockerConfiguration, RunConfiguration
from amlet.sdk.script_run_config import ScriptRunConfig
from amlet.sdk.submission import check


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "a project"
    place.mkdir()
    (place / "train.py").write_text("print('hi')\n")
    return place


def test_arguments_become_texts(folder: Path) -> None:
    config = ScriptRunConfig(folder, "train.py", ["--kernel", "linear", "--penalty", 1.0, Path("data"), True])
    assert check(config).arguments == ["--kernel", "linear", "--penalty", "1.0", "data", "True"]  # v1-behaviours 3.3


def test_arguments_may_be_one_line(folder: Path) -> None:
    assert check(ScriptRunConfig(folder, "train.py", "--name 'two words'")).arguments == ["--name", "two words"]


def test_a_command_takes_the_place_of_script_and_arguments(folder: Path) -> None:
    checked = check(ScriptRunConfig(folder, command=["python", "train.py", 3]))
    assert (checked.command, checked.script) == ("python train.py 3", None)  # v1-behaviours 9.6


def test_a_script_that_is_not_in_the_folder_is_told_as_v1_does(folder: Path) -> None:
    with pytest.raises(ExperimentExecutionException, match="script path doesn't exist") as caught:
        check(ScriptRunConfig(folder, "trian.py"))  # v1-behaviours 8.7
    assert 'did you mean "train.py"' in str(caught.value.hint)


def test_all_faults_are_told_at_once(folder: Path) -> None:
    config = ScriptRunConfig(folder, "trian.py", ["--x", None, {"a": 1}], max_run_duration_seconds=-1)
    config.run_config.node_count = 4
    with pytest.raises(UserErrorException) as caught:
        check(config, run_id="../x")
    assert [field.path for field in caught.value.fields] == [
        "arguments[1]",
        "arguments[2]",
        "script",
        "max_run_duration_seconds",
        "node_count",
        "run_id",
    ]


@pytest.mark.parametrize("environment", ["AzureML-Tutorial", 3])
def test_an_environment_that_is_none_is_told(folder: Path, environment: Any) -> None:
    with pytest.raises(UserErrorException, match="must be an Environment"):
        check(ScriptRunConfig(folder, "train.py", environment=environment))


def test_a_missing_folder_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="is not there"):
        check(ScriptRunConfig(tmp_path / "nothing", "train.py"))


def test_submit_sends_the_job_and_leaves_the_config_as_it_was(experiment: Experiment, held: Any, folder: Path) -> None:
    config = ScriptRunConfig(folder, "train.py", ["--x", 1])
    run = experiment.submit(config, tags={"a": "b"})
    (sent,) = held.client.runs.submitted
    assert (sent.experiment, sent.job.script, sent.job.arguments) == ("iris", "train.py", ["--x", "1"])
    assert [entry.path for entry in sent.snapshot] == ["train.py"]
    assert sent.tags == {"a": "b"} and sent.job.definition["arguments"] == ["--x", "1"]
    assert config.arguments == ["--x", 1]  # v1-behaviours 9.8
    assert run.id == "iris_1732400000_9c2e41ab"


def test_keywords_of_v1s_articles_are_accepted_and_named(experiment: Experiment, folder: Path) -> None:
    with pytest.warns(UserWarning, match="show_output"):  # v1-behaviours 2.2
        experiment.submit(ScriptRunConfig(folder, "train.py"), show_output=True)


def test_only_a_script_run_config_can_be_submitted(experiment: Experiment) -> None:
    with pytest.raises(AzureMLException, match="dict cannot be submitted"):
        experiment.submit({})  # type: ignore[arg-type]


def test_with_a_run_config_the_others_have_no_effect(folder: Path) -> None:
    with pytest.warns(UserWarning, match="compute_target"):  # v1-behaviours 9.2
        config = ScriptRunConfig(folder, run_config=RunConfiguration(script="train.py"), compute_target="cluster")
    assert (config.script, config.run_config.target) == ("train.py", "local")


def test_what_is_no_distributed_job_config_is_told(folder: Path) -> None:
    with pytest.raises(RunConfigurationException, match="not object"):  # v1-behaviours 9.4
        ScriptRunConfig(folder, "train.py", distributed_job_config=object())


def test_docker_settings_must_be_a_docker_configuration(folder: Path) -> None:
    with pytest.raises(RunConfigurationException):
        ScriptRunConfig(folder, "train.py", docker_runtime_config={})  # type: ignore[arg-type]
    config = ScriptRunConfig(folder, "train.py", docker_runtime_config=DockerConfiguration(use_docker=True))
    assert config.run_config.docker.use_docker is True


def test_a_run_configuration_is_closed() -> None:
    config = RunConfiguration()
    with pytest.raises(AttributeError, match="RunConfiguration has no attribute enviroment"):
        config.enviroment = None  # v1-behaviours 9.9


def test_a_run_configuration_has_v1s_defaults() -> None:
    config = RunConfiguration()
    assert (config.target, config.framework, config.communicator, config.node_count) == ("local", "Python", "None", 1)
    assert config.environment.name == "default-environment"
    assert config.history.directories_to_watch == ["logs"] and config.docker.shm_size == "2g"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://me:secret@host/x.git", "https://host/x.git"),
        ("git@host:x.git", "git@host:x.git"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_a_password_in_a_repositorys_address_is_left_out(address: str, told: str) -> None:
    assert without_password(address) == told
