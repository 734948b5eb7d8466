"""The learning curves of a sweep's trials, kept so that a policy compares one report with all others at once.

Values are turned so that more is better; NaN is the worst. What is kept for the n-th report: every trial's mean of its
first n values and its best of them, both sorted, so that a decision costs a search and no pass over the trials.
"""

from __future__ import annotations

import math
from bisect import insort

from amlet.domain.sweep import MINIMIZE, Objective


class Curve:
    """One trial's values, turned, so far."""

    def __init__(self) -> None:
        self.reports = 0
        self.best = -math.inf
        self.total = 0.0

    @property
    def mean(self) -> float:
        """Of all its values; one that is no number makes it the worst."""
        return self.total / self.reports


class Curves:
    """The curves of all trials that reported the primary metric."""

    def __init__(self, objective: Objective) -> None:
        self._sign = -1.0 if objective.goal == MINIMIZE else 1.0
        self._curves: dict[str, Curve] = {}
        self._means: list[list[float]] = []
        self._bests: list[list[float]] = []

    def add(self, trial: str, value: float) -> Curve:
        """Take the trial's next value."""
        curve = self._curves.setdefault(trial, Curve())
        turned = -math.inf if math.isnan(value) else self._sign * value
        curve.reports += 1
        curve.best = max(curve.best, turned)
        curve.total += turned
        if curve.reports > len(self._means):
            self._means.append([])
            self._bests.append([])
        mean = curve.mean
        insort(self._means[curve.reports - 1], -math.inf if math.isnan(mean) else mean)
        insort(self._bests[curve.reports - 1], curve.best)
        return curve

    def reports(self, trial: str) -> int:
        """How many values the trial has reported."""
        curve = self._curves.get(trial)
        return curve.reports if curve is not None else 0

    def means_at(self, report: int) -> list[float]:
        """Turned means of the first n values of all trials that have so many, sorted; not a copy."""
        return self._means[report - 1]

    def bests_at(self, report: int) -> list[float]:
        """Turned bests of the first n values of all trials that have so many, sorted; not a copy."""
        return self._bests[report - 1]

    def told(self, turned: float) -> float:
        """A turned value as it was logged."""
        return self._sign * turned
