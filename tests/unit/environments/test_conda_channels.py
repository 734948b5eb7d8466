"""Channels, and the answers of conda's programs, as texts."""

from __future__ import annotations

import pytest

from amlet.environments.conda.base import sentence
from amlet.environments.conda.channels import channels_of, spelled_out
from amlet.environments.conda.process import child_variables, last_document


def test_the_specs_channels_come_before_those_that_its_lines_name() -> None:
    lines = ["pytorch::pytorch=1.6", "conda-forge::scipy", "bioconda/linux-64::samtools", "numpy[channel=other]"]
    assert channels_of(["conda-forge", "nodefaults"], lines) == ["conda-forge", "pytorch", "bioconda", "other"]


def test_a_spec_without_channels_asks_conda_forge() -> None:
    assert channels_of([], ["numpy"]) == ["conda-forge"]


def test_defaults_is_spelled_out_for_a_program_that_does_not_know_it() -> None:
    assert [url.rsplit("/", 1)[-1] for url in spelled_out(["defaults", "conda-forge"])] == ["main", "r", "conda-forge"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"success": true}', {"success": True}),
        ('DryRunExit: {not json}\n{"a": 1}\n{"actions": {"LINK": []}}\n', {"actions": {"LINK": []}}),
        ("nothing", {}),
        ("", {}),
    ],
)
def test_the_last_json_object_of_an_output_is_the_answer(text, found) -> None:
    assert last_document(text) == found


def test_a_drawn_tree_becomes_one_sentence() -> None:
    assert sentence("needs\n└─ b 1.2\n   └─ c >=3, for which no candidates were found.\n") == (
        "needs b 1.2 c >=3, for which no candidates were found"
    )


def test_a_program_sees_no_active_environment_and_no_secret_of_ours() -> None:
    seen = child_variables(
        {
            "CONDA_PREFIX": "x",
            "CONDA_PREFIX_1": "x",
            "PYTHONPATH": "x",
            "CONDA_CHANNELS": "x",
            "AMLET_TOKEN": "x",
            "AZUREML_RUN_TOKEN": "x",
            "AMLET_HOME": "kept",
            "https_proxy": "kept",
            "CONDA_OVERRIDE_CUDA": "kept",
            "MAMBA_ROOT_PREFIX": "kept",
        }
    )
    assert set(seen.values()) == {"kept"}
