"""Run configurations as v1's scripts and its projects on disk use them."""

from __future__ import annotations

from pathlib import Path

import pytest

V1_FILE = """\
# The script to run.
script: train.py
# The arguments to the script file.
arguments: ["--kernel", "linear", "--penalty", 1.0]
target: cpu-cluster
framework: Python
communicator: None
autoPrepareEnvironment: true
maxRunDurationSeconds:
nodeCount: 1
environment:
  name: project_environment
  environmentVariables:
    EXAMPLE_ENV_VAR: EXAMPLE_VALUE
  python:
    userManagedDependencies: false
    interpreterPath: python
    condaDependenciesFile: .azureml/conda_dependencies.yml
  docker:
    enabled: true
    baseImage: mcr.microsoft.com/azureml/base:0.2.4
    sharedVolumes: true
    gpuSupport: false
    arguments: []
    baseImageRegistry:
      address:
      username:
      password:
  spark:
    repositories: []
    packages: []
    precachePackages: true
  databricks:
    mavenLibraries: []
history:
  outputCollection: true
  snapshotProject: true
spark:
  configuration:
    spark.app.name: Azure ML Experiment
    spark.yarn.maxAppAttempts: 1
hdi:
  yarnDeployMode: cluster
tensorflow:
  workerCount: 1
  parameterServerCount: 1
mpi:
  processCountPerNode: 1
dataReferences: {}
sourceDirectoryDataStore:
amlcompute:
  vmSize:
  vmPriority:
  retainCluster: false
  name:
  clusterMaxNodeCount: 1
"""
CONDA = "name: project_environment\ndependencies:\n- python=3.8\n- pip:\n  - scikit-learn\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "sklearn.runconfig").write_text(V1_FILE)
    (tmp_path / ".azureml" / "conda_dependencies.yml").write_text(CONDA)
    (tmp_path / "train.py").write_text("print('hi')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_project_of_v1s_loads_without_a_word(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from azureml.core import RunConfiguration, ScriptRunConfig

    run_config = RunConfiguration.load(".", "sklearn")  # v1-behaviours 9.11
    assert run_config.target == "cpu-cluster"
    assert run_config.environment.name == "project_environment"
    assert list(run_config.environment.python.conda_dependencies.pip_packages) == ["scikit-learn"]
    assert run_config.environment.docker.base_image == "mcr.microsoft.com/azureml/base:0.2.4"
    src = ScriptRunConfig(".", run_config=run_config)
    assert (src.script, src.arguments) == ("train.py", ["--kernel", "linear", "--penalty", 1.0])
    assert capsys.readouterr().err == ""


def test_a_script_can_make_save_load_and_delete_one(project: Path) -> None:
    from azureml.core.conda_dependencies import CondaDependencies
    from azureml.core.runconfig import MpiConfiguration, PyTorchConfiguration, RunConfiguration, TensorflowConfiguration

    run_config = RunConfiguration(
        framework="Python", conda_dependencies=CondaDependencies.create(conda_packages=["numpy"])
    )
    run_config.target = "local"
    run_config.environment.python.user_managed_dependencies = True
    run_config.environment.python.interpreter_path = "/usr/bin/python3"
    run_config.environment_variables["KEY"] = "VALUE"
    run_config.history.directories_to_watch = ["logs", "more"]
    run_config.save(path=".", name="mine.runconfig")
    assert (project / ".azureml" / "conda_dependencies.yml").read_text() == CONDA

    loaded = RunConfiguration.load(path=".", name="mine.runconfig")
    assert loaded.environment.python.user_managed_dependencies is True
    assert loaded.environment_variables == {"KEY": "VALUE"}
    assert loaded.history.directories_to_watch == ["logs", "more"]
    RunConfiguration.delete(path=".", name="mine")
    assert not (project / ".azureml" / "mine.runconfig").exists()
    assert [kind().node_count for kind in (MpiConfiguration, PyTorchConfiguration)] == [1, 1]
    assert TensorflowConfiguration().worker_count == 1


def test_a_typo_in_an_element_fails_at_once() -> None:
    from azureml.core import RunConfiguration

    with pytest.raises(AttributeError, match="RunConfiguration has no attribute enviroment"):  # v1-behaviours 9.9
        RunConfiguration().enviroment = None
