"""A real database in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.store.database import Database
from support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    records = Database(tmp_path / "records.db")
    try:
        yield World(records)
    finally:
        records.close()
