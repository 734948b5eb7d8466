"""Metrics in one line, for a person."""

from __future__ import annotations

from typing import Any

from amlet.cli.terminal import plain


def metric_text(value: Any) -> str:
    """A metric in one line: `0.98`, `0.1 ... 0.9 (12 values)`, `x: 1 ... 3; y: 2 ... 4 (3 rows)`."""
    if isinstance(value, list):
        if len(value) <= 5:
            return plain(value)
        return plain(f"{value[0]} ... {value[-1]} ({len(value)} values)")
    if isinstance(value, dict):
        columns = []
        rows = 1
        for name, column in value.items():
            if isinstance(column, list) and column:
                columns.append(f"{name}: {column[0]} ... {column[-1]}")
                rows = max(rows, len(column))
            else:
                columns.append(f"{name}: {column}")
        return plain("; ".join(columns) + (f" ({rows} rows)" if rows > 1 else ""))
    return plain(value)
