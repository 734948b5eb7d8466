"""v1's ways to sign in: accepted, and amlet's own token takes their place (v1-behaviours 17.1)."""

from __future__ import annotations

import pytest

from amlet.sdk import authentication
from amlet.sdk.exceptions import AuthenticationException

MADE = (
    authentication.InteractiveLoginAuthentication(force=True, tenant_id="t"),
    authentication.AzureCliAuthentication(),
    authentication.ServicePrincipalAuthentication("tenant", "id", "password"),
    authentication.MsiAuthentication(identity_config={"client_id": "x"}),
    authentication.ArmTokenAuthentication("azure's"),
)


@pytest.mark.parametrize("made", MADE, ids=lambda made: type(made).__name__)
def test_every_one_gives_the_token_of_amlets_server(
    made: authentication.AbstractAuthentication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMLET_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AMLET_TOKEN", "amlet's")
    assert made.get_authentication_header() == {"Authorization": "Bearer amlet's"}
    assert made.get_token("https://management.azure.com/.default").token == "amlet's"
    assert "password" not in repr(vars(made))


def test_a_function_is_asked_and_a_jobs_token_is_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = authentication.TokenAuthentication(lambda audience: f"for {audience.value}")
    assert asked.get_token() == "for ARM"
    assert asked.get_token(authentication.Audience.AZUREML) == "for AZUREML"
    with pytest.raises(AuthenticationException, match="must be a function"):
        authentication.TokenAuthentication("token")  # type: ignore[arg-type]
    held = authentication.AzureMLTokenAuthentication("given", 5)
    assert held.get_authentication_header() == {"Authorization": "Bearer given"}
    monkeypatch.setenv("AZUREML_RUN_TOKEN", "run's")
    assert (held.token, held.expiry_time) == ("run's", 5)
