"""The databases that keep the contract. To add one: one more param of the fixture `records`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.store import Database
from amlet.store.base import Records
from support.records import workspace


@pytest.fixture(params=["sqlite"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    database = {"sqlite": lambda: Database(tmp_path / "it's a #1? föld%20er" / "records.db")}[request.param]()
    database.write(lambda tx: tx.workspaces.add(workspace())).result()
    yield database
    database.close()
