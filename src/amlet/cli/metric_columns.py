"""The metrics that a filter or an order names, as columns of a list of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from amlet.base.errors import InvalidInput, NotFound
from amlet.domain.filter import All, AnyOf, Comparison, Condition, Not, Order
from amlet.sdk.connection import Connection
from amlet.wire.runs import ChartQuery, MetricQuery

FEWEST = 10
"""Points of a thinned metric; its last one is always among them."""


def metrics_named(condition: Condition | None, order: Order | None) -> list[str]:
    """Names of metrics, as they come, each once."""
    found = list(_names(condition)) if condition is not None else []
    if order is not None and order.field.kind == "metrics":
        found.append(order.field.name)
    return list(dict.fromkeys(found))


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


def _names(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Comparison):
        if condition.field.kind == "metrics":
            yield condition.field.name
    elif isinstance(condition, Not):
        yield from _names(condition.condition)
    elif isinstance(condition, (All, AnyOf)):
        for inner in condition.conditions:
            yield from _names(inner)


def _shown(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value
