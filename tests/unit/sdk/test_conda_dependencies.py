"""Packages, as conda's yaml names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.sdk.conda_dependencies import CondaDependencies, package_name, python_of
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException

PAGE = "dependencies:\n- python=3.6.2\n- scikit-learn\n- numpy\n- pip:\n  - azureml-defaults\n"


def written(tmp_path: Path, text: str) -> Path:
    place = tmp_path / "conda_dependencies.yml"
    place.write_text(text)
    return place


def test_the_pages_yaml_becomes_a_spec(tmp_path: Path) -> None:
    env = Environment.from_conda_specification(name="sklearn-env", file_path=str(written(tmp_path, PAGE)))
    spec = env._to_spec()
    assert (spec.name, spec.python) == ("sklearn-env", "3.6.2")
    assert (spec.conda, spec.pip) == (["scikit-learn", "numpy"], ["azureml-defaults"])
    assert spec.variables == {}


def test_unknown_keys_of_the_yaml_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException) as caught:
        CondaDependencies(written(tmp_path, "dependancies: []\nfoo: 1\n"))
    assert "unknown dependancies key in environment specification" in caught.value.message  # v1-behaviours 10.4
    assert "unknown foo key" in caught.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n- b\n", "top level must be a mapping"),
        ("dependencies: numpy\n", "dependencies must be a list"),
        ("dependencies: [3]\n", r"dependencies\[0\] must be a text"),
        ("dependencies: [{pipp: [a]}]\n", r"dependencies\[0\] must be a package"),
        ("dependencies: [{pip: a}]\n", r"dependencies\[0\]\.pip must be a list"),
        ("channels: defaults\n", "channels must be a list"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_a_yaml_that_cannot_be_read_says_where(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserErrorException, match=told):
        CondaDependencies(written(tmp_path, text))


def test_a_missing_yaml_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothere\.yml"):
        Environment.from_conda_specification("x", tmp_path / "nothere.yml")


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("python=3.6.2", "3.6.2"),
        ("python==3.8", "3.8"),
        ("python 3.9", "3.9"),
        ("conda-forge::python=3.8.13=h582c2e5_0", "3.8.13"),
        ("python>=3.8", ">=3.8"),
        ("python", None),
        ("python-dateutil=2", None),
    ],
)
def test_the_python_is_read_from_its_line(line: str, version: str | None) -> None:
    assert python_of([line]) == version


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("scikit-learn>=1.0", "scikit-learn"), ("conda-forge::NumPy=1.19", "numpy"), ("x[extra]~=1", "x"), ("a;b", "a")],
)
def test_the_name_of_a_requirement_is_what_stands_before_its_version(requirement: str, name: str) -> None:
    assert package_name(requirement) == name


def test_the_default_names_no_python_and_only_the_sdk() -> None:
    made = CondaDependencies()
    assert made.get_python_version() is None
    assert list(made.pip_packages) == ["azureml-defaults"]


def test_pip_packages_given_to_create_take_the_place_of_the_sdk() -> None:
    made = CondaDependencies.create(pip_packages=["pandas"], conda_packages=["numpy"], python_version="3.8")
    assert list(made.pip_packages) == ["pandas"]  # v1-behaviours 10.17
    assert list(made.conda_packages) == ["numpy", "python=3.8"] or list(made.conda_packages) == ["python=3.8", "numpy"]


def test_adding_a_package_again_replaces_it() -> None:
    made = CondaDependencies()
    made.add_pip_package("pandas==1.0")
    made.add_pip_package("pandas==1.1")
    made.add_conda_package("numpy")
    made.add_conda_package("numpy=1.19")
    assert [item for item in made.pip_packages if "pandas" in item] == ["pandas==1.1"]  # v1-behaviours 10.18
    assert list(made.conda_packages) == ["numpy=1.19"]


def test_a_package_of_conda_may_name_the_python() -> None:
    made = CondaDependencies()
    made.add_conda_package("python=3.8")
    assert made.get_python_version() == "3.8"
    with pytest.raises(UserErrorException):
        made.remove_conda_package("python=3.8")


def test_options_are_not_packages() -> None:
    made = CondaDependencies()
    made.set_pip_option("--extra-index-url https://a")
    made.set_pip_option("--extra-index-url https://b")
    assert list(made.pip_options) == ["--extra-index-url https://b"]
    with pytest.raises(UserErrorException):
        made.add_pip_package("--pre")
    with pytest.raises(UserErrorException):
        made.set_pip_option("pandas")


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    made = CondaDependencies.create(conda_packages=["scikit-learn=0.22"], python_version="3.8")
    assert CondaDependencies(made.save(str(tmp_path / "x.yml"))) == made


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\u2029", "é"])
def test_any_character_of_a_line_is_read_as_it_was_written(tmp_path: Path, mark: str) -> None:
    made = CondaDependencies.create(pip_packages=[f"a{mark}b"])
    read = CondaDependencies(str(written(tmp_path, made.serialize_to_string())))
    assert list(read.pip_packages) == [f"a{mark}b"]
