"""Metrics as columns of a list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amlet.base.errors import InvalidInput, NotFound
from amlet.sdk.connection import Connection
from amlet.wire.runs import ChartQuery, MetricQuery

FEWEST = 10
"""Points of a thinned metric; its last one is always among them."""


def last_values(held: Connection, run_id: str, names: Sequence[str]) -> dict[str, Any]:
    """The last value of each metric that the run has."""
    found = {}
    for name in names:
        # The server thins a metric of millions of points; only what is no number is asked for whole.
        try:
            chart = held.client.runs.chart(held.workspace_id, run_id, ChartQuery(name, FEWEST))
        except NotFound:
            continue
        if chart.value:
            found[name] = _shown(chart.value[-1])
            continue
        try:
            values = held.client.runs.metrics(held.workspace_id, run_id, MetricQuery(name)).values
        except InvalidInput:  # rows of different columns
            continue
        if name in values:
            value = values[name]
            found[name] = value[-1] if isinstance(value, list) and value else value
    return found


def _shown(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value
