"""Metrics: the points a run logs, and the values that `get_metrics` makes of them."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

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


class Collated(NamedTuple):
    """The value of a metric, and what is wrong with it."""

    value: Any
    fault: Optional[str]
    """Rows that do not fit together, in words; None for most metrics."""


class Collator:
    """Gathers what one metric was given, oldest first, into the value that `get_metrics` gives.

    Rows of different columns are no reason to read nothing (complaint 4): the columns of all are there, with None
    where a row has none, and the fault is told. A value among rows is a row with the metric's name as its column.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._values: List[Any] = []
        self._columns: Optional[Dict[str, List[Any]]] = None
        self._height = 0
        self._fault: Optional[str] = None

    def add(self, kind: str, values: Sequence[Any]) -> None:
        """Take the values of points of one kind."""
        if self._columns is None and kind in (ROW, TABLE) and not self._values:
            self._columns = {}
        if self._columns is not None:
            for value in values:
                self._add_row(self._columns, value if isinstance(value, dict) else {self._name: value})
        elif kind == LIST:
            for value in values:
                self._values.extend(value)
        else:
            self._values.extend(values)

    def collated(self) -> Collated:
        """The scalar when one was given, else the list of all in log order; for rows and tables a dict
        column -> value or list of values; a list of length one comes back as its scalar, an empty one as []
        (v1-behaviours 4.5, 19b).
        """
        if self._columns is None:
            values = _one_type(self._values)
            return Collated(values[0] if len(values) == 1 else values, None)
        shaped = {column: _one_type(values) for column, values in self._columns.items()}
        if all(len(values) == 1 for values in shaped.values()):
            return Collated({column: values[0] for column, values in shaped.items()}, self._fault)
        return Collated(shaped, self._fault)

    def _add_row(self, columns: Dict[str, List[Any]], row: Dict[str, Any]) -> None:
        if self._height and row.keys() != columns.keys() and self._fault is None:
            self._fault = (
                f"Malformed metric value: rows of {self._name!r} have different columns, "
                f"{sorted(columns)} and {sorted(row)}."
            )
        height = max((len(cell) if isinstance(cell, list) else 1 for cell in row.values()), default=0)
        for column, cell in row.items():
            if column not in columns:
                columns[column] = [None] * self._height
            if isinstance(cell, list):
                columns[column].extend(cell)
            else:
                columns[column].append(cell)
        self._height += height
        if len(columns) != len(row):
            for column in columns.keys() - row.keys():
                columns[column].extend([None] * height)


def collate(points: Sequence[Point]) -> Any:
    """The value that `get_metrics` gives for one metric's points, oldest first; see `Collator`.

    Raises:
        MalformedMetric: if rows of the metric have different columns.
    """
    found = collated(points)
    if found.fault is not None:
        raise MalformedMetric(found.fault, hint="log rows of another shape under another name.")
    return found.value


def collated(points: Sequence[Point]) -> Collated:
    """The same with what can be read of a malformed metric."""
    collator = Collator(points[0].name)
    for kind, values in by_kind(points):
        collator.add(kind, values)
    return collator.collated()


def by_kind(points: Sequence[Point]) -> Iterator[Tuple[str, List[Any]]]:
    """The values of points that follow one another and are of one kind."""
    for kind, same in groupby(points, attrgetter("kind")):
        yield kind, [point.value for point in same]


def _one_type(values: List[Any]) -> List[Any]:
    """Integers beside floats become floats (v1-behaviours 4.6)."""
    plain = [value for value in values if not isinstance(value, bool)]
    if any(isinstance(value, float) for value in plain) and len(plain) == len(values):
        return [float(value) if isinstance(value, int) else value for value in values]
    return values
