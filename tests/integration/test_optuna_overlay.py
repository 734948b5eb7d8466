"""A model-based sweep of a server that was installed without Optuna: uv brings it, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.installs import install
from support.server import RealServer

QUICK = """
import sys
from azureml.core import Run
Run.get_context().log("value", float(sys.argv[-1]))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    made = RealServer(tmp_path / "home", install(tmp_path / "installed"))
    made.start()
    yield made
    made.close()


def test_optuna_is_fetched_for_the_first_sweep_that_needs_it(server: RealServer, tmp_path: Path):
    (tmp_path / "script.py").write_text(QUICK)
    user = CommandLine(server, "overlays", tmp_path)
    seen: list[set[Path]] = []
    for _ in range(2):
        options = ("--tpe", "x=uniform(0,1)", "--metric", "value", "--runs", "12", "--concurrent", "2", "--seed", "3")
        told = user.json("sweep", "script.py", *options)
        assert told["statuses"] == {"Completed": 12}
        found = user.json("sweep", "trials", told["run"]["id"])
        assert len({json.dumps(one["trial"]["parameters"]) for one in found}) == 12
        seen.append({path.parent for path in server.home.environments.rglob("optuna/__init__.py")})
    assert len(seen[0]) == 1
    assert seen[1] == seen[0]
