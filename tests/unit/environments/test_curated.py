"""The catalogue of curated environments."""

from __future__ import annotations

import pytest

from amlet.base.names import ENVIRONMENT
from amlet.environments import curated
from amlet.environments.requirements import read


@pytest.mark.parametrize(
    "name",
    [  # v1-behaviours 0.2, 10.16
        "azureml-sklearn-1.5",
        "AzureML-Tutorial",
        "AzureML-Minimal",
        "AzureML-Scikit-learn-0.20.3",
        "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu",
        "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu",
    ],
)
def test_every_name_that_the_page_and_its_kin_use_is_there(name) -> None:
    spec = curated.find(name)
    assert spec is not None
    assert spec.name == name
    assert spec.python
    assert curated.find(name.upper()) == spec


def test_a_framework_that_we_do_not_carry_is_not_in_the_catalogue() -> None:
    assert curated.find("AzureML-tensorflow-2.4-ubuntu18.04-py37-cuda11-gpu") is None
    assert curated.find("../curated/AzureML-Minimal") is None


def test_every_file_of_the_catalogue_is_a_spec_that_can_be_read() -> None:
    for name in curated.names():
        spec = curated.find(name)
        assert spec is not None
        assert ENVIRONMENT.allows(name)
        read(spec)


def test_an_edited_curated_environment_is_the_users_own() -> None:  # v1-behaviours 10.14
    spec = curated.find("AzureML-Tutorial")
    assert spec is not None
    assert curated.is_curated(spec._replace(variables={"A": "1"}, version="3"))
    assert not curated.is_curated(spec._replace(conda=[*spec.conda, "xgboost"]))
    assert not curated.is_curated(spec._replace(name="mine"))
