"""Records with one text in every field that a user or a job can fill, for pages."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from amlet.domain import run as runs
from amlet.domain.metric import ACCURACY_TABLE, CONFUSION_MATRIX, PREDICTIONS, RESIDUALS
from amlet.domain.run import Run, RunError, RunWarning, Stage

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def a_run(text: str = "plain", **changes: Any) -> Run:
    run = Run(
        workspace_id="ws_1",
        id=text,
        experiment=text,
        number=3,
        type=runs.SCRIPT_RUN,
        status=runs.RUNNING,
        display_name=text,
        target=text,
        attempt=2,
        tags={text: text, "none": None},
        properties={text: text},
        stages=[Stage(text, ago(60), ago(50), text), Stage("run", ago(50), None, text)],
        warnings=[RunWarning(text, text)],
        error=RunError(text, text, text, text, 1),
        waiting_for=text,
        lock_id="lock",
        created=ago(60),
        started=ago(50),
        ended=None,
        revision=7,
    )
    return run._replace(**changes)


def shaped(kind: str, label: str = "a") -> bytes:
    """The content of a file of a metric of this kind (v1-behaviours 4.10)."""
    table = [[10, 10, 0, 0], [8, 2, 8, 2], [0, 0, 10, 10]]
    tables = {f"{name}_tables": [table, table] for name in ("probability", "percentile")}
    thresholds = {f"{name}_thresholds": [0.0, 0.5, 1.0] for name in ("probability", "percentile")}
    bins = {"bin_edges": [0, 1, 2], "bin_counts": [3, 4]}
    data: dict[str, Any] = {
        CONFUSION_MATRIX: {"class_labels": [label, "b"], "matrix": [[9, 1], [2, 8]]},
        ACCURACY_TABLE: {"class_labels": [label, "b"], **tables, **thresholds},
        RESIDUALS: bins,
        PREDICTIONS: {**bins, "bin_averages": [0.6, 1.4], "bin_errors": [0.2, 0.3]},
    }
    return json.dumps({"schema_type": kind, "schema_version": "1.0.0", "data": data[kind]}).encode()
