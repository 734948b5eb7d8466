"""What entry scripts run in."""

from __future__ import annotations

import pytest

from amlet.domain.environment import Container, EnvironmentSpec
from amlet.serving.scripts import environment_for, notes


@pytest.mark.parametrize(
    ("pip", "brought"),
    [
        (["azureml-defaults"], True),
        (["numpy", "AzureML_Defaults>=1.0.45"], True),
        (["azureml-inference-server-http==0.8"], True),
        (["azureml-defaults-extra"], False),
        (["numpy"], False),
        (["azureml-defaults", "inference_schema[numpy-support]==1.3"], False),
    ],
)
def test_inference_schema_comes_along_where_v1s_server_did(pip, brought):
    spec = EnvironmentSpec("e", pip=pip)
    assert environment_for(spec, has_script=True).pip == pip + ["inference-schema"] * brought
    assert environment_for(spec, has_script=False) == spec


def test_an_image_is_left_out_and_said():
    spec = EnvironmentSpec("e", pip=["numpy"], container=Container("python:3.11"))
    assert environment_for(spec, has_script=True) == spec._replace(container=None)
    assert len(notes(spec)) == 1
    assert notes(environment_for(spec, has_script=True)) == []
