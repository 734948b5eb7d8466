"""Addresses without the logins that are written into them."""

from __future__ import annotations

import pytest

from amlet.base.urls import without_login


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--index-url https://user:secret@host/simple", "--index-url https://host/simple"),
        ("https://user:p@ss@host:8080/simple", "https://host:8080/simple"),
        ("https://token@host", "https://host"),
        ("a https://u:p@one/x b https://u:p@two", "a https://one/x b https://two"),
        ("name @ https://host/x@1.whl", "name @ https://host/x@1.whl"),
        ("https://conda.host/t/secret/channel", "https://conda.host/channel"),
        ("https://conda.host/t/secret", "https://conda.host"),
        ("https://u:p@host/t/tk-123/channel/linux-64::numpy=1", "https://host/channel/linux-64::numpy=1"),
        ("https://host/path/t/x/channel", "https://host/path/t/x/channel"),
        ("https://host/a@b", "https://host/a@b"),
        ("conda-forge", "conda-forge"),
        ("numpy==1.19.2", "numpy==1.19.2"),
    ],
)
def test_user_password_and_token_are_taken_out(text: str, shown: str) -> None:
    assert without_login(text) == shown
