"""Scenes to harm, and the table of what became of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.faults import Scene

_ROWS: list[tuple[str, str, str, float]] = []


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A server of an empty home behind a gate, with a package index of its own."""
    folder = Path(tempfile.mkdtemp(prefix="amlet-"))
    try:
        with Scene(folder) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sklearn_scene() -> Iterator[Scene]:
    """The same with the machine's own package index."""
    folder = Path(tempfile.mkdtemp(prefix="amlet-"))
    try:
        with Scene(folder, own_index=False) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def told() -> Callable[[str, str, str, float], None]:
    """Adds a row to the table that ends the report."""
    return lambda stage, victim, outcome, seconds: _ROWS.append((stage, victim, outcome, seconds))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _ROWS:
        terminalreporter.section("faults")
        for stage, victim, outcome, seconds in _ROWS:
            terminalreporter.write_line(f"{stage:34} {victim:22} {outcome:28} {seconds:6.1f} s")
