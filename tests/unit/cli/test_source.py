"""What `amlet submit` sends."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.base.errors import AmletError, InvalidInput
from amlet.base.names import EXPERIMENT
from amlet.cli import source
from amlet.cli.main import main
from amlet.cli.source import Packages


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.py").write_text("print('hi')\n")
    (tmp_path / "conda.yml").write_text("dependencies: [python=3.8, numpy, {pip: [azureml-defaults]}]\n")
    (tmp_path / "requirements.txt").write_text("numpy\n")
    return tmp_path


def test_only_one_of_the_ways_to_say_packages_is_taken():
    with pytest.raises(InvalidInput, match="--conda and --env cannot be given together"):
        Packages(conda="a.yml", named="b").check()


@pytest.mark.parametrize(
    ("script", "expected"),
    [("train_iris.py", "train_iris"), ("src/train iris.py", "train-iris"), ("ünï.py", "n"), ("漢.py", "script")],
)
def test_an_experiment_is_named_after_its_script(script, expected):
    assert source.experiment_name(script) == expected


@given(st.text(alphabet=string.printable + "ü漢_-", min_size=1))
def test_every_script_gives_a_legal_experiment(script):
    assert EXPERIMENT.allows(source.experiment_name(script))


def test_a_missing_file_of_packages_is_told_with_those_that_are_there(folder):
    with pytest.raises(InvalidInput) as told:
        source.environment(folder, Packages(conda="environment.yml"), "env", None)
    assert "environment.yml" in told.value.message
    assert "requirements.txt" in str(told.value.hint)


def test_unknown_keys_of_a_yaml_are_one_error(folder):
    (folder / "conda.yml").write_text("dependencis: [numpy]\n")
    with pytest.raises(AmletError, match="dependencis"):
        source.environment(folder, Packages(conda="conda.yml"), "env", None)


def test_a_dry_run_lists_what_would_be_sent_and_sends_nothing(folder, capsys):
    given = ["submit", "train.py", "-C", str(folder), "--conda", "conda.yml", "--dry-run", "--json", "-e", "A=b=c"]
    assert main([*given, "--", "--kernel", "linear"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["script"] == "train.py"
    assert told["arguments"] == ["--kernel", "linear"]
    assert told["files"] == 3
    assert told["environment"]["python"] == "3.8"
    assert told["variables"] == ["A"]
    assert {file["path"] for file in told["largest"]} == {"train.py", "conda.yml", "requirements.txt"}


def test_a_dry_run_reads_well(folder, capsys):
    assert main(["submit", "train.py", "-C", str(folder), "--pip", "requirements.txt", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "Nothing was sent" in told
    assert "numpy" in told


def test_a_missing_script_is_one_error(folder, capsys):
    assert main(["submit", "nope.py", "-C", str(folder), "--dry-run"]) == 1
    assert "nope.py" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["-e", "A"], ["--tag", "=b"], ["-C", "/nowhere"]])
def test_bad_options_are_bad_usage(folder, capsys, given):
    assert main(["submit", "train.py", "--dry-run", *given]) == 2
