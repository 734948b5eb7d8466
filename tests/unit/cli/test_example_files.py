"""The folder of `amlet quickstart`."""

from __future__ import annotations

import ast
import json

import pytest

from amlet.cli import example_files
from amlet.cli.place import DEFAULT
from amlet.sdk.environment import Environment


def test_the_files_are_written_once_and_found_the_same_again(tmp_path):
    assert example_files.write(tmp_path) == (list(example_files.NAMES), [])
    assert example_files.write(tmp_path) == ([], [])


def test_a_file_of_the_users_is_kept_and_told(tmp_path):
    (tmp_path / "train_iris.py").write_text("# mine\n")
    written = example_files.write(tmp_path)
    assert written.differs == ["train_iris.py"]
    assert (tmp_path / "train_iris.py").read_text() == "# mine\n"


@pytest.mark.parametrize("name", ["train_iris.py", "submit.py"])
def test_the_scripts_are_python_of_3_6(name):
    ast.parse(example_files.text(name), feature_version=(3, 6))


def test_the_script_calls_what_only_old_numpy_has():
    # v1-behaviours 0.1
    text = example_files.text("train_iris.py")
    assert "np.str(" in text
    assert "np.float(" in text


def test_the_yaml_is_the_pages(tmp_path):
    (tmp_path / "c.yml").write_text(example_files.text("conda_dependencies.yml"))
    spec = Environment.from_conda_specification("e", tmp_path / "c.yml")._to_spec()
    assert (spec.python, spec.conda, spec.pip) == ("3.6.2", ["scikit-learn", "numpy"], ["azureml-defaults"])


def test_the_config_names_the_default_workspace():
    assert tuple(json.loads(example_files.text("config.json")).values()) == DEFAULT
