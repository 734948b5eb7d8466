"""The server's settings: the file, the variables, what the command line says."""

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


def test_the_command_line_goes_before_the_variables_and_these_before_the_file(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.config.write_text('public_url = "https://file"\nidle_end_s = 5\n')
    assert Settings.load(home) == Settings(5.0, "https://file")
    monkeypatch.setenv("AMLET_PUBLIC_URL", "https://variable")
    assert Settings.load(home, {"public_url": None}).public_url == "https://variable"
    assert Settings.load(home, {"public_url": "https://given"}).public_url == "https://given"


def test_the_engine_ray_needs_the_address_of_a_cluster(home: Home) -> None:
    with pytest.raises(InvalidInput, match="ray_address: is needed with the engine ray"):
        Settings.load(home, {"engine": "ray"})
    with pytest.raises(InvalidInput, match="engine: must be local or ray, got 'slurm'"):
        Settings.load(home, {"engine": "slurm"})


@pytest.mark.parametrize("address", ["head", "head:", "ray://head:10001", "-o:1", "head:6379 --x", "auto"])
def test_an_address_that_is_none_says_how_this_machine_joins(home: Home, address: str) -> None:
    with pytest.raises(InvalidInput, match="ray start --address=HOST:PORT --num-cpus=0"):
        Settings.load(home, {"engine": "ray", "ray_address": address})
