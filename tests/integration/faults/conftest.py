"""Scenes to harm, and what became of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.faults import ROW, Scene


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
def told(record_property: Callable[[str, object], None]) -> Callable[[str, str, str, float], None]:
    """Adds a row to the table that ends the report."""
    return lambda stage, victim, outcome, seconds: record_property(ROW, (stage, victim, outcome, seconds))
