"""Pythons as values; what is found on a machine is in tests/integration/test_pythons.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.environments import pythons
from amlet.environments.python_install import PythonInstall


@pytest.mark.parametrize("minor", [(3, 8), (3, 13)])
def test_a_minor_version_is_read_as_it_is_written(minor) -> None:
    assert pythons.minor_of(pythons.minor_text(minor)) == minor


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("UV_PYTHON_DOWNLOADS", "never", "UV_PYTHON_DOWNLOADS=never"),
        ("UV_PYTHON_DOWNLOADS", "manual", "UV_PYTHON_DOWNLOADS=manual"),
        ("UV_OFFLINE", "1", "the network is switched off"),
    ],
)
def test_fetching_a_python_can_be_switched_off(tmp_path: Path, monkeypatch, name, value, says) -> None:
    monkeypatch.delenv("UV_PYTHON_DOWNLOADS", raising=False)
    monkeypatch.setenv(name, value)
    lines: list[str] = []
    assert not PythonInstall(tmp_path / "pythons").fetch((3, 12), lines.append)
    assert lines == [f"Python 3.12 is not at hand, and is not fetched: {says}."]
    assert not (tmp_path / "pythons").exists()


def test_a_python_that_jobs_cannot_run_under_is_not_fetched(tmp_path: Path) -> None:
    lines: list[str] = []
    assert not PythonInstall(tmp_path).fetch((3, 7), lines.append)
    assert lines == []
