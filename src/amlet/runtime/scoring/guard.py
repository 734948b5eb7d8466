"""Labels of many rows from one call, and which of them no rounding can have turned."""

from __future__ import annotations

import importlib
from typing import Any, List, NamedTuple, Tuple

from amlet.runtime.scoring.model import ScoringModel

TINY = 2.3e-308
"""Above the smallest normal number: what a product that underflows may lose."""

SLACK = 8.0


class Labels(NamedTuple):
    """What `predict` gave, a label a row, and for each row whether it is what `predict` of any other number of rows
    gives.
    """

    values: List[Any]
    sure: List[bool]


class Scores(NamedTuple):
    """Where a classifier has what its scores are made of."""

    method: str = "decision_function"
    """Gives the scores whose largest is the label; one column of two classes' difference will do."""
    weights: str = "coef_"
    intercept: str = "intercept_"


class LabelGuard:
    """Of a linear classifier, or a pipeline that ends with one and whose other steps are exact row by row.

    A row's label is the class with the largest score, where a score is a sum of n products and an intercept. In
    whatever order and with whatever fused operations the sum is made, it is within (n + 1) u / (1 - (n + 1) u) times
    A = sum |x_i w_i| + |b| of the exact one, where u is half the distance from 1 to the next number. Two ways of
    summing differ by at most twice that, and the difference of two scores by twice as much again. A row whose best
    score leads by more than 8 (n + 2) u max A therefore has one label however it is asked; 4 would do, the rest covers
    the rounding of A itself. Other rows, and those with scores that are no numbers, are not sure.

    Source:
        Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1, for the bound of a sum of
        products in any order.
    """

    def __init__(self, steps: List[Any], classifier: Any, scores: Scores) -> None:
        """
        Args:
            steps: What rows pass through before the classifier, in order; each exact row by row.
        """
        self._steps = steps
        self._classifier = classifier
        self._numpy: Any = importlib.import_module("numpy")
        self._scores: Any = getattr(classifier, scores.method)
        weights = getattr(classifier, scores.weights)
        self._kind: Any = weights.dtype
        self._weights: Any = self._numpy.abs(weights.astype(float)).T
        self._intercept: Any = self._numpy.abs(getattr(classifier, scores.intercept))

    def labels(self, model: ScoringModel, table: Any) -> Labels:
        """Call the model once for all rows of a table.

        Raises:
            Exception: whatever the steps and the classifier raise.
        """
        rows = model.given(table)
        for step in self._steps:
            rows = step.transform(rows)
        found = self._classifier.predict(rows)
        sure = self._lead(self._scores(rows)) > self._bound(rows)
        return Labels(model.plain(found), sure.tolist())

    def _lead(self, scores: Any) -> Any:
        """By how much each row's label is ahead of the next one."""
        if scores.ndim == 1:
            return self._numpy.abs(scores)
        best = self._numpy.partition(scores, -2, axis=1)
        return best[:, -1] - best[:, -2]

    def _bound(self, rows: Any) -> Any:
        """What two ways of computing a lead may differ by."""
        numpy = self._numpy
        values = rows if hasattr(rows, "tocsr") else numpy.asarray(rows)
        kinds = [kind for kind in (values.dtype, self._kind) if kind.kind == "f"]
        unit = max(numpy.finfo(kind).eps for kind in [*kinds, numpy.dtype(float)]) / 2
        sizes = abs(values.astype(float)) @ self._weights + self._intercept
        many = self._weights.shape[0] + 2
        return SLACK * many * (unit * sizes.max(axis=1) + TINY)


def unpacked(estimator: Any, searches: Any, name_of: Any) -> Tuple[List[Any], Any]:
    """The steps and the last part of nested pipelines and searches."""
    steps: List[Any] = []
    while True:
        kind = name_of(estimator)
        if kind in searches:
            estimator = estimator.best_estimator_
        elif kind.endswith(".Pipeline"):
            parts = [part for _, part in estimator.steps if part is not None and part != "passthrough"]
            steps, estimator = steps + parts[:-1], parts[-1]
        else:
            return steps, estimator
