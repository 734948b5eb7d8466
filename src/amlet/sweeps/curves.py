"""The learning curves of a sweep's trials, kept so that a policy compares one report with all others at once.

Values are turned so that more is better; NaN is the worst. What is kept for the n-th report: every trial's mean of its
first n values and its best of them, both sorted, so that a decision costs a search and no pass over the trials.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort

from amlet.domain.sweep import MINIMIZE, Objective


class Curve:
    """One trial's values, turned, so far."""

    def __init__(self) -> None:
        self.best = -math.inf
        self.reached: list[tuple[float, float]] = []
        """After each report: the mean of its values, and the best of them."""
        self._total = 0.0

    @property
    def reports(self) -> int:
        """How many values it has."""
        return len(self.reached)

    def add(self, turned: float) -> tuple[float, float]:
        """Take the next value; the mean and the best with it. One that is no number makes the mean the worst."""
        self.best = max(self.best, turned)
        self._total += turned
        mean = self._total / (len(self.reached) + 1)
        self.reached.append((-math.inf if math.isnan(mean) else mean, self.best))
        return self.reached[-1]


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
        mean, best = curve.add(turned)
        if curve.reports > len(self._means):
            self._means.append([])
            self._bests.append([])
        insort(self._means[curve.reports - 1], mean)
        insort(self._bests[curve.reports - 1], best)
        return curve

    def forget(self, trial: str) -> None:
        """Compare with the trial no more, until it reports again from the first value on."""
        curve = self._curves.pop(trial, None)
        for place, (mean, best) in enumerate(curve.reached if curve is not None else ()):
            self._means[place].pop(bisect_left(self._means[place], mean))
            self._bests[place].pop(bisect_left(self._bests[place], best))

    def means_at(self, report: int) -> list[float]:
        """Turned means of the first n values of all trials that have so many, sorted; not a copy."""
        return self._means[report - 1]

    def bests_at(self, report: int) -> list[float]:
        """Turned bests of the first n values of all trials that have so many, sorted; not a copy."""
        return self._bests[report - 1]

    def told(self, turned: float) -> float:
        """A turned value as it was logged."""
        return self._sign * turned
