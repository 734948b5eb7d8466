"""Environments to the server's words and back, and what never leaves this process."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from amlet.domain.environment import EnvironmentSpec
from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.workspace import Workspace
from support.specs import specs


@given(specs())
@settings(max_examples=200, deadline=None)
def test_a_spec_makes_the_round_trip(spec: EnvironmentSpec) -> None:
    made = Environment._from_spec(spec)
    assert made._to_spec() == spec
    assert Environment._from_spec(made._to_spec())._to_definition() == made._to_definition()


SECRETS = [
    "--index-url https://me:s3cret@host/simple",
    "--extra-index-url=https://s3cret@pkgs.dev.azure.com/x/simple/",
    "mine @ https://me:s3cret@host/mine-1-py3-none-any.whl",
    "--index-url https://me:s3@cret@host/simple",
]


@pytest.mark.parametrize("line", SECRETS)
def test_a_login_in_an_address_is_shown_nowhere_and_sent_nowhere(line: str, workspace: Workspace) -> None:
    env = Environment("x")
    env.python.conda_dependencies = CondaDependencies(
        _underlying_structure={"dependencies": ["python=3.11", {"pip": ["numpy", line]}]}
    )
    with pytest.raises(UserErrorException, match=r"pip\[1\]") as caught:
        env.register(workspace)
    assert "UV_DEFAULT_INDEX" in caught.value.message
    assert ".netrc" in caught.value.message
    shown = [str(caught.value), repr(env), repr(env.python.conda_dependencies), str(env._to_definition())]
    assert not any("cret" in text for text in shown)
    assert workspace._connection.client.environments.list("").environments == []


def test_a_login_of_a_channel_is_not_sent_either() -> None:
    env = Environment("x")
    assert env.python.conda_dependencies is not None
    env.python.conda_dependencies.add_channel("https://conda.host/t/s3cret/mine")
    with pytest.raises(UserErrorException, match=r"channels\[2\]") as caught:
        env._to_spec()
    assert "s3cret" not in str(caught.value) + repr(env)


def test_every_fault_is_told_at_once() -> None:
    env = Environment("x")
    env.environment_variables["A"] = None  # type: ignore[assignment]
    assert env.python.conda_dependencies is not None
    env.python.conda_dependencies.set_pip_option(SECRETS[0])
    with pytest.raises(UserErrorException) as caught:
        env._to_spec()
    assert [field.path for field in caught.value.fields] == ["environment_variables['A']", "pip[1]"]
