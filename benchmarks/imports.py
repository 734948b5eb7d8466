"""The first line of every v1 script, as a whole process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.peers import peer
from benchmarks.place import Place, Skipped, run

STATEMENT = "from azureml.core import Workspace, Experiment, Run"
PEERS = (
    ("azureml-core", STATEMENT, STATEMENT, "3.10"),
    ("mlflow-skinny", STATEMENT, "import mlflow", "3.11"),
    ("mlflow", "import amlet", "import mlflow", "3.11"),
)


def figures(_place: Place) -> Iterator[Figure | Skipped]:
    """Ours beside a bare Python, then beside the original and MLflow's client."""

    def statement(python: str | Path, text: str) -> float:
        return timed_ms(lambda: run([python, "-c", text]))

    ours, floor = interleaved(
        lambda: statement(sys.executable, STATEMENT), lambda: statement(sys.executable, "pass"), pairs=15
    )
    yield Figure("import", "ms", ours, "python -c pass", floor, Bar(ours=80))
    for package, our_text, text, version in PEERS:
        try:
            python = peer(package, text, python=version)
        except Skipped as skipped:
            yield skipped
            continue
        ours, theirs = interleaved(
            lambda our_text=our_text: statement(sys.executable, our_text),  # type: ignore[misc]
            lambda python=python, text=text: statement(python, text),  # type: ignore[misc]
        )
        yield Figure(f"import, {package}", "ms", ours, text, theirs, Bar(ratio=1), is_peer=True)
