"""Settings of the server: the file, and variables that win over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.base.errors import InvalidInput
from amlet.base.paths import Home
from amlet.server.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.parametrize(
    ("written", "variable", "strict"),
    [
        ("", None, False),
        ("strict = true", None, True),
        ("strict = false", "1", True),
        ("strict = true", "0", False),
        ("", "True", True),
        ("", "no", False),
    ],
)
def test_strict_is_read_from_the_file_and_from_its_variable(home, monkeypatch, written, variable, strict) -> None:
    home.config.write_text(written)
    if variable is not None:
        monkeypatch.setenv("AMLET_STRICT", variable)
    assert Settings.load(home).strict is strict


def test_every_bad_value_is_named(home) -> None:
    home.config.write_text('strict = "perhaps"\nidle_end_s = "long"\nstrikt = true\n')
    with pytest.raises(InvalidInput) as caught:
        Settings.load(home)
    said = str(caught.value)
    assert "expected true or false, got 'perhaps'" in said
    assert "expected a number, got 'long'" in said
    assert "strikt" in said
