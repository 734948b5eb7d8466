"""Parts of services: v1's keys, there and back."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.webservice import parts

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
MADE = [
    parts.ContainerResourceRequirements(1, 2, gpu=3, cpu_limit=4, memory_in_gb_limit=5),
    parts.AutoScaler(True, max_replicas=4, min_replicas=2, refresh_period_seconds=1, target_utilization=70),
    parts.LivenessProbeRequirements(1, 2, 3, 4, 5),
    parts.DataCollection(False, True),
    parts.EncryptionProperties("url", "name", "version"),
    parts.VnetConfiguration("net", "sub"),
    parts.WebServiceAccessToken("t", "Bearer", NOW.isoformat(), NOW.isoformat()),
    parts.AksServiceAccessToken("t", "Bearer", NOW.isoformat(), NOW.isoformat()),
]


@pytest.mark.parametrize("made", MADE, ids=lambda made: type(made).__name__)
def test_what_is_serialized_comes_back(made: Any) -> None:
    kind = type(made)
    again = kind.deserialize(made.serialize())
    assert (type(again), vars(again)) == (kind, vars(made))
    with pytest.raises(WebserviceException, match=f"A {kind.__name__} cannot be made of this payload: it has no "):
        kind.deserialize({})


def test_nothing_gives_nothing() -> None:
    assert parts.AutoScaler.deserialize(None) is None
    assert parts.ContainerResourceRequirements.deserialize(None) is None


def test_times_of_a_token_are_iso_and_the_token_is_not_shown() -> None:
    token = parts.WebServiceAccessToken("secret", "Bearer", NOW, NOW)
    assert token.serialize()["expiryOn"] == "2026-11-30T00:00:00+00:00"
    assert "secret" not in repr(token)
