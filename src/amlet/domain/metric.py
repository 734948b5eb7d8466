"""Metrics: the points a run logs, and the values that `get_metrics` makes of them."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from amlet.base.errors import AmletError

SCALAR = "scalar"
LIST = "list"
ROW = "row"
TABLE = "table"
IMAGE = "image"
CONFUSION_MATRIX = "confusion_matrix"
ACCURACY_TABLE = "accuracy_table"
RESIDUALS = "residuals"
PREDICTIONS = "predictions"

ARTIFACTS = (IMAGE, CONFUSION_MATRIX, ACCURACY_TABLE, RESIDUALS, PREDICTIONS)
"""Metrics whose content is a file of the run; the point holds its address (v1-behaviours 4.9-4.10)."""

KINDS = (SCALAR, LIST, ROW, TABLE, *ARTIFACTS)
"""Their order is part of the store's format: new ones come last."""

ADDRESS = "aml://artifactId/ExperimentRun/dcid."
"""How the address of a run's file begins: `<run id>/<path>` follows (v1-behaviours 3.12)."""


def address_of(run_id: str, path: str) -> str:
    """The address of a file of a run, which is the value of an artifact metric."""
    return f"{ADDRESS}{run_id}/{path}"


def file_of(address: Any) -> Optional[Tuple[str, str]]:
    """The run id and the path in an address; None for anything else."""
    if not isinstance(address, str) or not address.startswith(ADDRESS):
        return None
    run_id, slash, path = address[len(ADDRESS) :].partition("/")
    return (run_id, path) if slash else None


class Point(NamedTuple):
    """One logged value.

    Attributes:
        name: The metric's name, exactly as given.
        kind: One of `KINDS`.
        value: A scalar (float, int, bool, str, None); a list of scalars; a dict column -> scalar (a row);
            a dict column -> scalar or list of scalars of one length (a table); the address of a file (an artifact).
        step: The step given with the value, or None.
        time_s: When it was logged, seconds since the epoch.
    """

    name: str
    kind: str
    value: Any
    step: Optional[int]
    time_s: float


class MalformedMetric(AmletError):
    """Values of one metric do not fit together."""

    code = "invalid"


def collate(points: Sequence[Point]) -> Any:
    """The value that `get_metrics` gives for one metric's points, oldest first (v1-behaviours 4.5, 19b).

    Returns:
        The scalar when one was logged, else the list of all in log order; for rows and tables a dict
        column -> value or list of values; a list of length one comes back as its scalar, an empty one as [].

    Raises:
        MalformedMetric: if rows of the metric have different columns.
    """
    if points[0].kind in (ROW, TABLE):
        return _columns(points)
    values: List[Any] = []
    for point in points:
        if point.kind == LIST:
            values.extend(point.value)
        else:
            values.append(point.value)
    values = _one_type(values)
    return values[0] if len(values) == 1 else values


def _columns(points: Sequence[Point]) -> Dict[str, Any]:
    columns: Dict[str, List[Any]] = {}
    for number, point in enumerate(points):
        row = point.value if isinstance(point.value, dict) else {}
        if number and set(row) != set(columns):
            raise MalformedMetric(
                f"Malformed metric value: rows of {point.name!r} have different columns, "
                f"{sorted(columns)} and {sorted(row)}.",
                hint="log rows of another shape under another name.",
            )
        for column, cell in row.items():
            columns.setdefault(column, []).extend(cell if isinstance(cell, list) else [cell])
    shaped = {column: _one_type(values) for column, values in columns.items()}
    if all(len(values) == 1 for values in shaped.values()):
        return {column: values[0] for column, values in shaped.items()}
    return shaped


def _one_type(values: List[Any]) -> List[Any]:
    """Integers beside floats become floats (v1-behaviours 4.6)."""
    plain = [value for value in values if not isinstance(value, bool)]
    if any(isinstance(value, float) for value in plain) and len(plain) == len(values):
        return [float(value) if isinstance(value, int) else value for value in values]
    return values
