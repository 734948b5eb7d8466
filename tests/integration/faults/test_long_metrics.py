"""`get_metrics` of a run of very many points: streamed, whole, in bounded memory of the server."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from amlet.base.errors import NotFound
from amlet.client.connection import Client
from amlet.domain.metric import LIST, ROW, SCALAR, Point
from amlet.operations.ensure import ensure_workspace
from amlet.operations.interactive import start_runs
from amlet.store.database import Database
from amlet.wire.runs import MetricQuery, StartRun
from amlet.wire.workspaces import EnsureWorkspace
from support.server import RealServer

ROWS = 10_000
BATCH = 100_000


class Long:
    """A server whose records hold one run of so many points, and others of its metrics beside."""

    def __init__(self, server: RealServer, points: int) -> None:
        self.server = server
        self.points = points
        server.home.root.mkdir(mode=0o700)
        records = Database(server.home.records)
        now = datetime.now(timezone.utc)
        asked = EnsureWorkspace("s", "g", "long")
        self.workspace_id = records.write(lambda tx: ensure_workspace(tx, asked, now)).result().workspace.id
        records.write(lambda tx: start_runs(tx, self.workspace_id, [StartRun("e", "long")], now)).result()
        for number, batch in enumerate(self._batches(), start=1):
            records.write(
                lambda tx, n=number, batch=batch: tx.metrics.add(self.workspace_id, "long", "j", n, batch)
            ).result()
        records.close()
        self.client: Client = server.start().client()

    def _batches(self) -> Iterator[list[Point]]:
        yield [
            Point("malformed", ROW, {"x": 1}, None, 0.0),
            Point("malformed", ROW, {"y": 2}, None, 0.0),
            Point("odd", LIST, [1, math.inf, 2], None, 0.0),
            Point("once", SCALAR, "text", None, 0.0),
        ]
        for start in range(0, self.points, BATCH):
            yield [Point("loss", SCALAR, 1.0 / (number + 1), number, 0.0) for number in range(start, start + BATCH)]
        yield [Point("rows", ROW, {"a": number, "b": number / 2}, None, 0.0) for number in range(ROWS)]

    def peak_mb(self) -> int:
        assert self.server.process is not None
        lines = Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) >> 10


@pytest.mark.parametrize(
    ("points", "growth_mb"),
    [
        (300_000, 40),  # held as points they take 50
        pytest.param(10_000_000, 100, marks=[pytest.mark.every_fault, pytest.mark.timeout(300)]),
    ],
)
def test_all_points_of_a_long_run_come_in_bounded_memory_of_the_server(
    tmp_path: Path, points: int, growth_mb: int
) -> None:
    server = RealServer(tmp_path / "home")
    try:
        long = Long(server, points)
        before = long.peak_mb()

        found = long.client.runs.metrics(long.workspace_id, "long")

        assert len(found.values["loss"]) == points
        assert found.values["loss"][-1] == 1.0 / points
        assert found.values["rows"] == {"a": list(range(ROWS)), "b": [number / 2 for number in range(ROWS)]}
        assert found.values["odd"] == [1.0, math.inf, 2.0]
        assert found.values["once"] == "text"
        # v1-behaviours 4.5 and complaint 4: what can be read of it is, and the others are whole
        assert found.values["malformed"] == {"x": [1, None], "y": [None, 2]}
        assert list(found.faults) == ["malformed"]
        assert long.client.runs.metrics(long.workspace_id, "long", MetricQuery("once")).values == {"once": "text"}
        assert long.client.runs.metrics(long.workspace_id, "long", MetricQuery("none")).values == {}
        with pytest.raises(NotFound):
            long.client.runs.metrics(long.workspace_id, "other")

        readers = [
            threading.Thread(target=long.client.runs.metrics, args=(long.workspace_id, "long", MetricQuery("rows")))
            for _ in range(4)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert long.peak_mb() < before + growth_mb
    finally:
        server.close()
