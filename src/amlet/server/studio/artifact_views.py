"""Metrics that are JSON files of a run, as tables and plots (v1-behaviours 4.10).

What stands in the file is a script's word: it is read within limits, and what does not fit the shape is said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from amlet.domain.metric import ACCURACY_TABLE, CONFUSION_MATRIX, PREDICTIONS, RESIDUALS
from amlet.server.studio.plots import TONES, Curve, Plot, histogram, predictions_plot, unit_plot
from amlet.server.studio.words import clip, number

TEXT_LIMIT_BYTES = 2 << 20
CLASSES_LIMIT = 30
CURVES_LIMIT = TONES
ROWS_LIMIT = 50
HEAT = 10
"""Shades of a confusion matrix's cells beyond none."""


class Cell(NamedTuple):
    """A cell of a confusion matrix: its count, its share of the true class from 0 to HEAT."""

    text: str
    heat: int


class Confusion(NamedTuple):
    """True classes in rows, predicted ones in columns; `left` classes beyond CLASSES_LIMIT are not shown."""

    labels: list[str]
    rows: list[tuple[str, list[Cell]]]
    left: int


class Legend(NamedTuple):
    tone: int
    text: str


class NumberTable(NamedTuple):
    """Numbers behind a plot; `left` rows are not shown."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    left: int


class Drawn(NamedTuple):
    """What a file shows: a matrix, or plots with the numbers behind them."""

    confusion: Confusion | None = None
    plots: list[tuple[str, Plot]] = []
    legend: list[Legend] = []
    tables: list[NumberTable] = []
    note: str = ""


class Misshapen(Exception):
    """The content is not what its kind should hold; the text says how."""


def drawn(kind: str, content: bytes) -> Drawn:
    """Draw the content of a file.

    Raises:
        Misshapen: if it is too long, no JSON, or of another shape.
    """
    if len(content) > TEXT_LIMIT_BYTES:
        raise Misshapen("the file is too large to draw here")
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Misshapen("the file is no JSON") from error
    data = told.get("data") if isinstance(told, Mapping) else None
    if not isinstance(data, Mapping):
        raise Misshapen("the file has no object `data`")
    return _DRAW[kind](data)


def _confusion(data: Mapping[str, Any]) -> Drawn:
    labels = [_label(label) for label in _list(data, "class_labels")]
    matrix = [_numbers(row, f"matrix[{place}]") for place, row in enumerate(_list(data, "matrix"))]
    if len(matrix) != len(labels) or any(len(row) != len(labels) for row in matrix):
        raise Misshapen("`matrix` has not one row and one column a class")
    shown = labels[:CLASSES_LIMIT]
    rows = []
    for label, row in zip(shown, matrix, strict=False):
        total = sum(count for count in row if math.isfinite(count) and count > 0)
        cells = [Cell(number(_plain(count)), _heat(count, total)) for count in row[:CLASSES_LIMIT]]
        rows.append((label, cells))
    return Drawn(confusion=Confusion(shown, rows, len(labels) - len(shown)))


def _accuracy(data: Mapping[str, Any]) -> Drawn:
    labels = [_label(label) for label in _list(data, "class_labels")]
    thresholds = _numbers(data.get("probability_thresholds"), "probability_thresholds")
    tables = _list(data, "probability_tables")
    if len(tables) != len(labels):
        raise Misshapen("`probability_tables` has not one table a class")
    rocs, precisions, legend, shown = [], [], [], []
    for tone, (label, table) in enumerate(zip(labels[:CURVES_LIMIT], tables, strict=False)):
        rows = [_numbers(row, "probability_tables") for row in table] if isinstance(table, list) else []
        if len(rows) != len(thresholds) or any(len(row) != 4 for row in rows):
            raise Misshapen("`probability_tables` must hold TP, FP, TN, FN for each of `probability_thresholds`")
        rates = [_Rates(*row) for row in rows]
        rocs.append(_curve(tone, [(one.fallout, one.recall) for one in rates]))
        precisions.append(_curve(tone, [(one.recall, one.precision) for one in rates]))
        legend.append(Legend(tone, label))
        shown.append(_rates_table(label, thresholds, rates))
    left = len(labels) - len(legend)
    return Drawn(
        plots=[
            ("ROC", unit_plot(rocs, "false positive rate", "true positive rate", diagonal=True)),
            ("Precision and recall", unit_plot(precisions, "recall", "precision", diagonal=False)),
        ],
        legend=legend,
        tables=shown,
        note=f"{left} more classes are not drawn." if left else "",
    )


def _residuals(data: Mapping[str, Any]) -> Drawn:
    edges, counts = _bins(data)
    plot = histogram(edges, counts, "residual: predicted less true", "count")
    rows = [[*_range(edges, place), number(_plain(count))] for place, count in enumerate(counts)]
    return _with_table(plot, "Residuals", ["from", "to", "count"], rows)


def _predictions(data: Mapping[str, Any]) -> Drawn:
    edges, counts = _bins(data)
    averages, errors = (_numbers(data.get(name), name) for name in ("bin_averages", "bin_errors"))
    if not len(averages) == len(errors) == len(counts):
        raise Misshapen("`bin_averages` and `bin_errors` must have as many entries as `bin_counts`")
    plot = predictions_plot(edges, averages, errors, "true value", "mean prediction")
    rows = [
        [*_range(edges, place), number(average), number(error), number(_plain(count))]
        for place, (average, error, count) in enumerate(zip(averages, errors, counts, strict=True))
    ]
    return _with_table(plot, "Predictions", ["true from", "to", "mean prediction", "error", "count"], rows)


def _with_table(plot: Plot | None, title: str, columns: list[str], rows: list[list[str]]) -> Drawn:
    table = NumberTable("All numbers", columns, rows[:ROWS_LIMIT], max(0, len(rows) - ROWS_LIMIT))
    return Drawn(
        plots=[(title, plot)] if plot else [],
        tables=[table] if rows else [],
        note="" if plot else "There is no finite number to draw.",
    )


class _Rates:
    """Rates at one threshold; None where there is nothing to divide by."""

    def __init__(self, tp: float, fp: float, tn: float, fn: float) -> None:
        self.counts = (tp, fp, tn, fn)
        self.recall = _ratio(tp, tp + fn)
        self.fallout = _ratio(fp, fp + tn)
        self.precision = _ratio(tp, tp + fp)


def _rates_table(label: str, thresholds: list[float], rates: list[_Rates]) -> NumberTable:
    rows = [
        [
            number(threshold),
            *(number(_plain(count)) for count in one.counts),
            *(number(rate) if rate is not None else "" for rate in (one.precision, one.recall)),
        ]
        for threshold, one in zip(thresholds[:ROWS_LIMIT], rates, strict=False)
    ]
    columns = ["threshold", "TP", "FP", "TN", "FN", "precision", "recall"]
    return NumberTable(label, columns, rows, max(0, len(thresholds) - ROWS_LIMIT))


def _curve(tone: int, points: list[tuple[float | None, float | None]]) -> Curve:
    kept = [(x, y) for x, y in points if x is not None and y is not None]
    return Curve(tone, [x for x, _ in kept], [y for _, y in kept])


def _bins(data: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    edges, counts = (_numbers(data.get(name), name) for name in ("bin_edges", "bin_counts"))
    if len(edges) != len(counts) + 1:
        raise Misshapen("`bin_edges` must have one entry more than `bin_counts`")
    return edges, counts


def _range(edges: list[float], place: int) -> tuple[str, str]:
    return number(edges[place]), number(edges[place + 1])


def _heat(count: float, total: float) -> int:
    part = _ratio(count, total) if total > 0 else None
    return min(HEAT, max(0, math.ceil(HEAT * part))) if part is not None else 0


def _ratio(part: float, whole: float) -> float | None:
    ratio = part / whole if whole else math.nan
    return ratio if math.isfinite(ratio) else None


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    found = data.get(name)
    if not isinstance(found, list):
        raise Misshapen(f"`{name}` is no list")
    return found


def _numbers(found: object, name: str) -> list[float]:
    if not isinstance(found, list) or not all(isinstance(one, (int, float)) for one in found):
        raise Misshapen(f"`{name}` is no list of numbers")
    try:
        return [float(one) for one in found]
    except OverflowError as error:
        raise Misshapen(f"`{name}` holds a number too large to draw") from error


def _plain(value: float) -> float | int:
    """Counts are whole numbers nearly always."""
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _label(label: object) -> str:
    return clip(str(label), 60)


_DRAW: dict[str, Callable[[Mapping[str, Any]], Drawn]] = {
    CONFUSION_MATRIX: _confusion,
    ACCURACY_TABLE: _accuracy,
    RESIDUALS: _residuals,
    PREDICTIONS: _predictions,
}
