"""Secrets at rest."""

from __future__ import annotations

import pytest

from amlet.base.errors import StorageFailed
from amlet.server.secrets import Secrets


def test_what_is_sealed_comes_back_and_is_not_readable() -> None:
    secrets = Secrets(b"k" * 32)
    sealed = secrets.seal("pass wörd")
    assert "pass" not in sealed
    assert Secrets(b"k" * 32).open(sealed) == "pass wörd"


@pytest.mark.parametrize("key", [b"k" * 32, b"other" * 8])
def test_what_was_changed_or_sealed_with_another_key_is_told(key: bytes) -> None:
    sealed = Secrets(b"k" * 32).seal("x")
    given = sealed[:-3] + "AAA" if key == b"k" * 32 else sealed
    with pytest.raises(StorageFailed, match="another key") as caught:
        Secrets(key).open(given)
    assert caught.value.hint
