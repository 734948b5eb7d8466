"""Early termination: whether a trial is ended at one of its reports. Pure: curves in, a ruling out.

All policies compare a trial at its n-th report with what the others had reached by their n-th (v1-behaviours 12.8 to
12.13), so that a ruling does not depend on who started first.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from amlet.domain.sweep import (
    BANDIT,
    HYPERBAND,
    MEDIAN_STOPPING,
    MINIMIZE,
    NO_TERMINATION,
    TRUNCATION_SELECTION,
    Objective,
    Policy,
)
from amlet.sweeps.curves import Curve, Curves


class Ruling(NamedTuple):
    """What a policy says of a trial at a report, with the numbers it says it by."""

    report: int
    value: float
    """The trial's, as it was logged: its best so far."""
    bound: float | None
    """What it was compared with; None when there was nothing to compare with."""
    ends: bool
    why: str


def rule(policy: Policy, objective: Objective, curves: Curves, number: int, curve: Curve) -> Ruling | None:
    """Rule on a trial at the report that was just added; None when the policy does not look at this one.

    Args:
        number: Of the trial in its sweep; Hyperband puts trials into brackets by it.
        curve: The trial's own, as `Curves.add` gave it.
    """
    report = curve.reports
    if policy.name == NO_TERMINATION or not _is_due(policy, report, number):
        return None
    if len(curves.bests_at(report)) < 2:
        return Ruling(report, curves.told(curve.best), None, False, f"no other trial has reached report {report} yet")
    ruling = _RULES[policy.name](policy, objective, curves, curve)
    return ruling if ruling.bound is None or math.isfinite(ruling.bound) else ruling._replace(bound=None)


def _is_due(policy: Policy, report: int, number: int) -> bool:
    """v1-behaviours 12.8; of Hyperband: whether the report is a rung of the trial's bracket."""
    if policy.name != HYPERBAND:
        interval = max(1, policy.evaluation_interval)
        return report % interval == 0 and report >= policy.delay_evaluation
    factor = policy.reduction_factor or 3
    rung = (policy.min_resource or 1) * factor ** (number % (policy.brackets or 1))
    while rung < report:
        rung *= factor
    return bool(rung == report)


def _bandit(policy: Policy, objective: Objective, curves: Curves, curve: Curve) -> Ruling:
    """End what is not within the slack of the best trial at this report (v1-behaviours 12.9)."""
    best = curves.told(curves.bests_at(curve.reports)[-1])
    minimizes = objective.goal == MINIMIZE
    if policy.slack_factor is not None:
        # A slack makes room on the far side of the best, also where the best is below 0.
        grows = minimizes == (best >= 0)
        bound = best * (1 + policy.slack_factor) if grows else best / (1 + policy.slack_factor)
        words = f"slack_factor {policy.slack_factor:g}"
    else:
        slack = policy.slack_amount or 0.0
        bound = best + slack if minimizes else best - slack
        words = f"slack_amount {slack:g}"
    value = curves.told(curve.best)
    ends = value > bound if minimizes else value < bound
    than = "above" if minimizes else "below"
    said = f"{value:g} is {'' if ends else 'not '}{than} {bound:g}, which {words} makes of the best, {best:g}"
    return Ruling(curve.reports, value, bound, ends, said)


def _median_stopping(_policy: Policy, _objective: Objective, curves: Curves, curve: Curve) -> Ruling:
    """End what was never better than the median of all running means (v1-behaviours 12.10).

    Source:
        Golovin et al., "Google Vizier", KDD 2017.
    """
    means = curves.means_at(curve.reports)
    others = len(means)
    turned = means[others // 2] if others % 2 else (means[others // 2 - 1] + means[others // 2]) / 2  # they are sorted
    value, bound = curves.told(curve.best), curves.told(turned)
    ends = curve.best < turned
    said = f"its best, {value:g}, is {'worse' if ends else 'no worse'} than {bound:g}, the median of {others} means"
    return Ruling(curve.reports, value, bound, ends, said)


def _truncation_selection(policy: Policy, _objective: Objective, curves: Curves, curve: Curve) -> Ruling:
    """End what is among the worst share of the trials at this report (v1-behaviours 12.11)."""
    share = policy.truncation_percentage or 0
    bests = curves.bests_at(curve.reports)
    return _cut(curves, curve, len(bests) * share // 100, f"{share} % of {len(bests)} trials")


def _hyperband(policy: Policy, _objective: Objective, curves: Curves, curve: Curve) -> Ruling:
    """Let one of so many go on from each rung, as results come in.

    Source:
        Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020 (ASHA, its stopping variant).
    """
    factor = policy.reduction_factor or 3
    bests = curves.bests_at(curve.reports)
    go_on = max(1, len(bests) // factor)
    return _cut(curves, curve, len(bests) - go_on, f"all but {go_on} of {len(bests)} trials at this rung")


def _cut(curves: Curves, curve: Curve, count: int, words: str) -> Ruling:
    """End it when it is among the worst `count`; one that is as good as the best that stays, stays."""
    bests = curves.bests_at(curve.reports)
    value = curves.told(curve.best)
    if count < 1:
        return Ruling(curve.reports, value, None, False, f"{words} are none yet")
    bound = bests[count - 1]
    ends = bisect_right(bests, curve.best) <= count and curve.best < bests[-1]
    said = f"{value:g} is {'' if ends else 'not '}among the worst {count}, up to {curves.told(bound):g}: {words}"
    return Ruling(curve.reports, value, curves.told(bound), ends, said)


_RULES: dict[str, Callable[[Policy, Objective, Curves, Curve], Ruling]] = {
    BANDIT: _bandit,
    MEDIAN_STOPPING: _median_stopping,
    TRUNCATION_SELECTION: _truncation_selection,
    HYPERBAND: _hyperband,
}
