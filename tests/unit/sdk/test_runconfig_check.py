"""What of a run configuration is refused at a submit, and what is accepted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amlet.sdk.distributed import JoblibConfiguration, MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from amlet.sdk.exceptions import RunConfigurationException, UserErrorException
from amlet.sdk.experiment import Experiment
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.runconfig_check import setting_faults
from amlet.sdk.runconfig_sections import ApplicationEndpointConfiguration, DockerConfiguration
from amlet.sdk.script_run import ScriptRun
from amlet.sdk.script_run_config import ScriptRunConfig, get_run_config_from_script_run, submit
from amlet.sdk.spread import spread_of
from amlet.sdk.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text("print('hi')\n")
    return tmp_path


@pytest.mark.parametrize(
    ("config", "framework", "communicator"),
    [
        (MpiConfiguration(), "Python", "IntelMpi"),
        (PyTorchConfiguration(), "PyTorch", "Nccl"),
        (PyTorchConfiguration("gloo", process_count=1), "PyTorch", "gloo"),
        (TensorflowConfiguration(), "TensorFlow", "ParameterServer"),
    ],
)
def test_one_process_of_each_kind_is_accepted(config: Any, framework: str, communicator: str) -> None:
    made = ScriptRunConfig(".", "train.py", distributed_job_config=config).run_config  # v1-behaviours 9.4
    assert (made.framework, made.communicator, made.node_count) == (framework, communicator, 1)
    assert setting_faults(made) == []


@pytest.mark.parametrize(
    ("config", "spread"),
    [
        (MpiConfiguration(node_count=4), (4, 1, "IntelMpi")),
        (MpiConfiguration(process_count_per_node=2, node_count=3), (3, 2, "IntelMpi")),
        (PyTorchConfiguration(process_count=2), (1, 2, "Nccl")),
        (PyTorchConfiguration("gloo", node_count=2), (2, 1, "Gloo")),
        (PyTorchConfiguration("gloo", process_count=6, node_count=2), (2, 3, "Gloo")),
        (JoblibConfiguration(node_count=2), (2, 1, "Joblib")),
        (TensorflowConfiguration(), (1, 1, "")),
    ],
)
def test_nodes_and_the_processes_on_each_follow_from_the_configuration(config: Any, spread: Any) -> None:
    made = ScriptRunConfig(".", "train.py", distributed_job_config=config).run_config  # v1-behaviours 9.4
    assert setting_faults(made) == []
    assert spread_of(made) == spread


@pytest.mark.parametrize(
    ("config", "path", "said"),
    [
        (MpiConfiguration(node_count=0), "node_count", "1 or more"),
        (MpiConfiguration(process_count_per_node=0), "mpi.process_count_per_node", "1 or more"),
        (PyTorchConfiguration(process_count=3, node_count=2), "pytorch.process_count", "multiple of the 2 nodes"),
        (TensorflowConfiguration(worker_count=2), "tensorflow.worker_count", "not started"),
        (TensorflowConfiguration(parameter_server_count=2), "tensorflow.parameter_server_count", "not started"),
    ],
)
def test_counts_that_cannot_be_are_refused_with_the_reason(config: Any, path: str, said: str) -> None:
    (fault,) = setting_faults(ScriptRunConfig(".", "train.py", distributed_job_config=config).run_config)
    assert fault.path == path
    assert said in fault.message


def test_several_nodes_need_a_way_to_work_together() -> None:
    made = RunConfiguration()
    made.node_count = 2
    (fault,) = setting_faults(made)
    assert fault.path == "node_count"
    assert "JoblibConfiguration" in str(fault.hint)


def test_a_backend_that_pytorch_does_not_have_is_told() -> None:
    with pytest.raises(RunConfigurationException, match="'mpi'"):  # v1-behaviours 9.4
        ScriptRunConfig(".", "train.py", distributed_job_config=PyTorchConfiguration("mpi"))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda made: setattr(made, "framework", "PySpark"), "framework"),
        (lambda made: setattr(made, "communicator", "Gossip"), "communicator"),
        (lambda made: setattr(made, "source_directory_data_store", "store"), "source_directory_data_store"),
        (lambda made: made.services.update(a=ApplicationEndpointConfiguration("Jupyter")), "services"),
        (lambda made: setattr(made, "target", "amlcompute"), "target"),
        (lambda made: setattr(made, "node_count", True), "node_count"),
        (lambda made: setattr(made, "docker", {"useDocker": True}), "docker"),
        (lambda made: setattr(made.history, "output_collection", "yes"), "history.output_collection"),
    ],
)
def test_what_cannot_be_had_or_has_a_wrong_type_is_named(change: Callable[[Any], None], path: str) -> None:
    made = RunConfiguration()
    change(made)
    assert [fault.path for fault in setting_faults(made)] == [path]


def test_faults_of_the_settings_are_told_with_all_others(experiment: Experiment, folder: Path) -> None:
    config = ScriptRunConfig(folder, "train.py", ["--x", None])
    config.run_config.framework, config.run_config.communicator = "R", "Gossip"
    with pytest.raises(UserErrorException) as caught:
        experiment.submit(config)
    assert [field.path for field in caught.value.fields] == ["arguments[1]", "framework", "communicator"]


def test_containers_are_told_once_and_the_run_goes_on(experiment: Experiment, folder: Path, capsys: Any) -> None:
    config = ScriptRunConfig(folder, "train.py", docker_runtime_config=DockerConfiguration(use_docker=True))
    experiment.submit(config)
    assert capsys.readouterr().err.count("use_docker has no effect") == 1


def test_a_submit_gives_a_script_run_with_the_settings_as_given(workspace: Workspace, folder: Path, held: Any) -> None:
    config = ScriptRunConfig(folder, "train.py", distributed_job_config=MpiConfiguration())
    run = submit(config, workspace, "iris", run_id="mine")
    (sent,) = held.client.runs.submitted
    assert type(run) is ScriptRun
    assert run.RUN_TYPE == "azureml.scriptrun"
    assert (sent.run_id, sent.experiment) == ("mine", "iris")
    assert sent.job.definition["mpi"]["processCountPerNode"] == 1  # v1-behaviours 3.2
    assert sent.job.definition["communicator"] == "IntelMpi"


def test_a_run_config_can_be_had_from_a_script_run_config() -> None:
    config = ScriptRunConfig(".", "train.py", ["--x", 1])
    taken = get_run_config_from_script_run(config)
    assert (taken.script, taken.arguments, taken.command) == ("train.py", ["--x", 1], None)
    taken.arguments.append("y")  # type: ignore[union-attr]
    assert config.arguments == ["--x", 1]


def test_a_run_config_of_another_type_is_told() -> None:
    with pytest.raises(RunConfigurationException, match="must be a RunConfiguration, not str"):
        ScriptRunConfig(".", "train.py", run_config="local")  # type: ignore[arg-type]


def test_an_unknown_keyword_is_an_error_at_once() -> None:
    with pytest.raises(TypeError, match="comput_target"):
        ScriptRunConfig(".", "train.py", comput_target="x")  # type: ignore[call-arg]
