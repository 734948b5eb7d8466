"""Run configurations: closed elements, and their way to a file and back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from amlet.sdk import runconfig_data, runconfig_sections
from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.config_element import ConfigElement, faults, plain
from amlet.sdk.distributed import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.runconfig_data import Data, DatacacheConfiguration, DataLocation, DataPath, DataReferenceConfiguration

ELEMENTS = [
    kind
    for module in (runconfig_sections, runconfig_data)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, ConfigElement) and kind is not ConfigElement
] + [MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration, RunConfiguration]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / 'a "project" é'
    (folder / ".azureml").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("kind", ELEMENTS)
def test_every_element_is_closed_and_right_as_it_is_made(kind: Any) -> None:
    element = kind()
    with pytest.raises(AttributeError, match=f"{kind.__name__} has no attribute enviroment"):  # v1-behaviours 9.9
        element.enviroment = 3
    assert faults(element, kind._FIELDS) == ()
    assert set(kind._FIELDS) <= {name.lstrip("_") for name in vars(element)}


def test_the_defaults_are_v1s() -> None:
    made = RunConfiguration()  # v1-behaviours 9.9
    assert (made.target, made.framework, made.communicator, made.node_count) == ("local", "Python", "None", 1)
    assert (made.environment.name, made.max_run_duration_seconds) == ("default-environment", None)
    assert (made.history.output_collection, made.history.snapshot_project) == (True, True)
    assert made.history.directories_to_watch == ["logs"]
    assert (made.docker.use_docker, made.docker.shared_volumes, made.docker.shm_size) == (False, True, "2g")
    assert (made.environment_variables, made.docker.arguments, made.auto_prepare_environment) == ({}, [], True)


def test_a_target_that_is_none_is_told() -> None:
    with pytest.raises(UserErrorException, match="target must be"):
        RunConfiguration().target = 3  # type: ignore[assignment]


def test_save_writes_commented_camel_case_with_the_packages_beside_it(project: Path) -> None:
    RunConfiguration("train.py").save(project, "mine")  # v1-behaviours 9.10
    text = (project / ".azureml" / "mine").read_text()
    content = yaml.safe_load(text)
    assert (content["script"], content["nodeCount"], content["history"]["outputCollection"]) == ("train.py", 1, True)
    assert content["environment"]["python"]["condaDependenciesFile"] == ".azureml/conda_dependencies.yml"
    assert (project / ".azureml" / "conda_dependencies.yml").is_file()
    assert "# The compute target; local is this machine.\ntarget: local\n" in text


def test_delete_finds_what_save_wrote_with_and_without_an_extension(project: Path) -> None:
    for name in ("mine", "other.runconfig"):  # v1-behaviours 19h
        RunConfiguration("train.py").save(project, name)
        RunConfiguration.delete(project, name.partition(".")[0])
        assert not (project / ".azureml" / name).exists()
    with pytest.raises(UserErrorException, match="There is no run configuration 'mine'"):
        RunConfiguration.delete(project, "mine")


def test_a_folder_without_azureml_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="There is no folder") as caught:
        RunConfiguration().save(tmp_path, "mine")  # v1-behaviours 9.10
    assert "mkdir .azureml" in str(caught.value.hint)
    (tmp_path / "aml_config").mkdir()
    RunConfiguration().save(tmp_path, "mine")
    assert (tmp_path / "aml_config" / "mine").is_file()


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a\x00b"])
def test_a_name_that_is_a_path_is_refused(project: Path, name: str) -> None:
    with pytest.raises(UserErrorException):
        RunConfiguration().save(project, name)
    with pytest.raises(UserErrorException):
        RunConfiguration.load(project, name)
    assert list((project / ".azureml").iterdir()) == []


def test_the_places_are_tried_in_v1s_order(project: Path) -> None:
    for place, script in (
        (project / "mine.runconfig", "third.py"),
        (project / ".azureml" / "mine.runconfig", "second.py"),
        (project / ".azureml" / "mine", "first.py"),
    ):
        place.write_text(f"script: {script}\n")
        assert RunConfiguration.load(project, "mine").script == script  # v1-behaviours 9.11
    assert RunConfiguration.load(project / "mine.runconfig").script == "third.py"


def test_one_that_is_missing_names_the_places_and_what_is_there(project: Path) -> None:
    RunConfiguration().save(project, "other.runconfig")
    with pytest.raises(UserErrorException, match="Looked at:") as caught:
        RunConfiguration.load(project, "mine")
    assert "other.runconfig" in str(caught.value.hint)


def test_a_file_path_is_written_and_read_as_it_is(tmp_path: Path) -> None:
    made = RunConfiguration("train.py", conda_dependencies=CondaDependencies.create(pip_packages=["scikit-learn"]))
    made.save(tmp_path / "my.config")
    assert list(RunConfiguration.load(tmp_path / "my.config").environment.python.conda_dependencies.pip_packages) == [
        "scikit-learn"
    ]  # type: ignore[union-attr]


def test_the_environment_may_have_a_file_of_its_own(project: Path) -> None:
    made = RunConfiguration("train.py", conda_dependencies=CondaDependencies.create(pip_packages=["numpy"]))
    made.environment.name = "mine"
    made.save(project, "mine", separate_environment_yaml=True)
    assert yaml.safe_load((project / ".azureml" / "mine").read_text())["environment"] == ".azureml/environment.yml"
    read = RunConfiguration.load(project, "mine")
    assert read.environment.name == "mine"
    assert read.environment.python.conda_dependencies == made.environment.python.conda_dependencies


def test_packages_that_are_not_ours_are_not_overwritten(tmp_path: Path) -> None:
    own = tmp_path / "conda_dependencies.yml"
    own.write_text("dependencies:\n- python=3.8\n")
    one, two = tmp_path / "one.runconfig", tmp_path / "two.runconfig"
    for place, package in ((one, "numpy"), (two, "scipy"), (one, "pandas")):
        RunConfiguration(conda_dependencies=CondaDependencies.create(pip_packages=[package])).save(place)
    assert own.read_text() == "dependencies:\n- python=3.8\n"
    held = [RunConfiguration.load(place).environment.python.conda_dependencies for place in (one, two)]
    assert [list(packages.pip_packages) for packages in held if packages] == [["pandas"], ["scipy"]]


def test_saving_again_needs_no_names_and_takes_the_new_packages(project: Path) -> None:
    RunConfiguration("train.py").save(project, "mine")
    read = RunConfiguration.load(project, "mine")
    assert read.environment.python.conda_dependencies is not None
    read.environment.python.conda_dependencies.add_pip_package("numpy")
    read.script = "other.py"
    read.save()
    again = RunConfiguration.load(project, "mine")
    assert (again.script, sorted(item.name for item in (project / ".azureml").iterdir())) == (
        "other.py",
        ["conda_dependencies.yml", "mine"],
    )
    assert "numpy" in again.environment.python.conda_dependencies.pip_packages  # type: ignore[union-attr]


def test_snake_case_and_the_keys_of_a_run_definition_are_read(project: Path, capsys: Any) -> None:
    (project / "mine.runconfig").write_text(
        "node_count: 2\nmax_run_duration_seconds: 60\npyTorch:\n  process_count: 3\nautoPrepareEnvironment: true\n"
        "amlCompute:\n  vmSize: X\n  name: y\nenvironment:\n  spark: {}\n  python: {interpreter_path: py}\n"
    )
    read = RunConfiguration.load(project, "mine")  # v1-behaviours 9.11
    assert (read.node_count, read.max_run_duration_seconds, read.pytorch.process_count) == (2, 60, 3)
    assert (read.amlcompute.vm_size, read.environment.python.interpreter_path) == ("X", "py")
    assert capsys.readouterr().err == ""


def test_an_unknown_key_is_told_with_the_nearest_one(project: Path, capsys: Any) -> None:
    (project / "mine.runconfig").write_text("nodeCuont: 2\n")
    RunConfiguration.load(project, "mine")
    assert 'nodeCuont (did you mean "nodeCount"?)' in capsys.readouterr().err


def test_every_fault_of_a_file_is_told_at_once(project: Path) -> None:
    (project / "mine.runconfig").write_text(
        "nodeCount: many\nhistory: [1]\ndocker: {useDocker: maybe}\nservices: {a: 3}\narguments: {a: b}\n"
    )
    with pytest.raises(UserErrorException) as caught:
        RunConfiguration.load(project, "mine")
    paths = [field.path for field in caught.value.fields]
    assert paths == ["nodeCount", "history", "docker.useDocker", "services.a", "arguments"]


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "3\n", "", "a: !!python/object:os.system {}\n"])
def test_what_is_no_run_configuration_is_told(project: Path, text: str) -> None:
    (project / "mine.runconfig").write_text(text)
    with pytest.raises(UserErrorException, match=r"mine\.runconfig is no"):
        RunConfiguration.load(project, "mine")


def test_a_missing_conda_file_is_told(project: Path) -> None:
    (project / "mine.runconfig").write_text("environment: {python: {condaDependenciesFile: nothing.yml}}\n")
    with pytest.raises(UserErrorException, match=r"there is no file nothing\.yml"):
        RunConfiguration.load(project, "mine")


def test_what_a_file_cannot_hold_is_told_before_anything_is_written(project: Path) -> None:
    made = RunConfiguration(arguments=["--x", object()])
    with pytest.raises(UserErrorException, match=r"arguments\[1\] of a run configuration cannot be saved"):
        made.save(project, "mine")
    made = RunConfiguration()
    made.node_count = "many"  # type: ignore[assignment]
    with pytest.raises(UserErrorException, match="node_count: must be a whole number"):
        made.save(project, "mine")
    assert list((project / ".azureml").iterdir()) == []


def test_caches_of_data_are_refused_and_data_is_made_of_named_inputs_alone() -> None:
    with pytest.raises(UserErrorException, match=r"\.create"):
        DatacacheConfiguration.create(object())
    with pytest.raises(UserErrorException, match="no name to be asked for by"):
        Data.create(object())


texts = st.text(max_size=20)
names = st.text(min_size=1, max_size=12)
scalars = st.one_of(texts, st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.booleans())
counts = st.integers(0, 10**6)


@st.composite
def configurations(draw: Any) -> RunConfiguration:
    made = RunConfiguration(
        draw(st.none() | texts),
        draw(st.lists(scalars, max_size=5) | texts),
        command=draw(st.none() | texts | st.lists(texts, max_size=3)),
    )
    made.target = draw(names)
    made.node_count, made.priority = draw(counts), draw(st.none() | counts)
    made.environment_variables = draw(st.dictionaries(names, texts, max_size=3))
    made.environment = Environment(draw(texts))
    made.environment.version = draw(st.none() | texts)
    made.environment.environment_variables = draw(st.dictionaries(names, texts, max_size=3))
    made.environment.python.interpreter_path = draw(names)
    made.environment.python.user_managed_dependencies = draw(st.booleans())
    made.environment.python.conda_dependencies = CondaDependencies.create(
        pip_packages=draw(st.lists(st.sampled_from(["numpy==1.2", "scipy", "pandas>=1"]), unique=True))
    )
    made.environment.docker.base_image = draw(st.none() | texts)
    made.history.directories_to_watch = draw(st.lists(texts, max_size=3))
    made.docker.shm_size, made.docker.use_docker = draw(st.none() | texts), draw(st.booleans())
    made.mpi.process_count_per_node = draw(counts)
    made.spark.configuration = draw(st.dictionaries(names, scalars, max_size=3))
    made.data_references = {
        name: DataReferenceConfiguration(draw(texts), path_on_datastore=draw(st.none() | texts))
        for name in draw(st.lists(names, max_size=2))
    }
    made.data = {draw(names): Data(DataLocation(data_path=DataPath(draw(texts))), path_on_compute=draw(texts))}
    made.datacaches = [DatacacheConfiguration(draw(texts))]
    return made


@given(configurations(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_loaded_is_what_was_saved(made: RunConfiguration, separate: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ".azureml").mkdir()
        made.save(folder, "mine", separate)
        read = RunConfiguration.load(folder, "mine")
    assert plain(read, read._FIELDS) == plain(made, made._FIELDS)
    assert faults(read, read._FIELDS) == ()
    assert read.environment.python.conda_dependencies == made.environment.python.conda_dependencies
