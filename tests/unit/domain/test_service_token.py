"""Tokens of services: valid until they expire, and only as they were issued."""

from __future__ import annotations

import pytest

from amlet.domain.service_token import is_valid, issue

SECRET = "a" * 64


def test_a_token_is_valid_until_it_expires() -> None:
    token = issue(SECRET, expires_at_s=1000)
    assert is_valid(SECRET, token, now_s=999.9)
    assert not is_valid(SECRET, token, now_s=1000)


@pytest.mark.parametrize(
    "changed", ["", "amlst1", "amlst1.2000.", "amlst1.²000.x", "amlst1.99999999999999.x", "\udcff"]
)
def test_what_was_not_issued_is_not_valid(changed: str) -> None:
    assert not is_valid(SECRET, changed, now_s=0)


def test_a_token_of_another_secret_or_another_time_is_not_valid() -> None:
    token = issue(SECRET, expires_at_s=1000)
    assert not is_valid("b" * 64, token, now_s=0)
    assert not is_valid(SECRET, token.replace(".1000.", ".2000."), now_s=0)
