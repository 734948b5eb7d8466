"""Locks in other tools' forms."""

from __future__ import annotations

import re

import yaml

from amlet.domain.environment import CondaFile, Package, lock_of
from amlet.domain.lock_export import FORMATS, conda_text, requirements_text, uv_text

TEXT = (
    "--extra-index-url https://index.example/simple\n"
    "numpy==1.19.2 \\\n    --hash=sha256:00\njoblib==1.0 \\\n    --hash=sha256:01\n"
)
LOCK = lock_of(
    "3.8",
    "linux-x86_64",
    TEXT,
    [Package("numpy", "1.19.2"), Package("joblib", "1.0")],
    as_of="2020-10-15",
    indexes=["https://index.example/simple"],
)
WITH_CONDA = LOCK._replace(
    conda=[
        CondaFile("https://c/python.conda", "0" * 64, "python", "3.8.18"),
        CondaFile("https://c/g", "1" * 64, "g", "2"),
    ],
    packages=[*LOCK.packages, Package("g", "2")],
)


def test_a_requirements_file_is_the_locks_own_text_under_a_comment_that_says_what_it_is():
    text = requirements_text(LOCK)
    assert text.endswith(TEXT)
    assert text.startswith(f"# Lock {LOCK.id}: Python 3.8 on linux-x86_64, packages as of 2020-10-15.\n")


def test_a_conda_yaml_pins_the_python_and_every_package_and_keeps_the_index():
    content = yaml.safe_load(conda_text(LOCK))
    assert content["dependencies"][0] == "python=3.8"
    assert content["dependencies"][-1] == {
        "pip": ["--extra-index-url https://index.example/simple", "numpy==1.19.2", "joblib==1.0"]
    }


def test_what_came_from_conda_channels_is_told_in_each_form():
    content = yaml.safe_load(conda_text(WITH_CONDA))
    assert content["dependencies"][:2] == ["python=3.8.18", "g=2"]
    assert "g==2" not in content["dependencies"][-1]["pip"]
    assert "python=3.8.18, g=2" in requirements_text(WITH_CONDA)
    assert "g==2" not in uv_text(WITH_CONDA)


def test_a_uv_project_pins_the_python_the_packages_and_the_index():
    text = uv_text(LOCK)
    assert 'requires-python = "==3.8.*"' in text
    assert re.findall(r'^    "(.*)",$', text, re.MULTILINE) == ["numpy==1.19.2", "joblib==1.0"]
    assert 'url = "https://index.example/simple"\ndefault = true' in text


def test_an_environment_of_the_users_own_says_which_interpreter_in_every_form():
    managed = lock_of("3.11", "linux-x86_64", "", [], interpreter="/opt/python")
    assert all("/opt/python is used as it is" in make(managed) for make in FORMATS.values())
