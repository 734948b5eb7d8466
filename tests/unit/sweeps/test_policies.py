"""Early termination: worked tables, and what holds whatever the curves are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.domain.sweep import (
    BANDIT,
    HYPERBAND,
    MAXIMIZE,
    MEDIAN_STOPPING,
    MINIMIZE,
    TRUNCATION_SELECTION,
    Objective,
    Policy,
)
from amlet.sweeps.curves import Curves
from amlet.sweeps.policies import Ruling, rule

UP, DOWN = Objective("accuracy", MAXIMIZE), Objective("loss", MINIMIZE)


def ruled(policy: Policy, objective: Objective, others: list[list[float]], own: list[float]) -> Ruling | None:
    """The ruling at the last report of one trial, the others' curves being known."""
    curves = Curves(objective)
    for number, values in enumerate(others):
        for value in values:
            curves.add(f"other{number}", value)
    last = None
    for value in own:
        last = rule(policy, objective, curves, 0, curves.add("own", value))
    return last


@pytest.mark.parametrize(
    ("policy", "objective", "best", "own", "bound", "ends"),
    [
        # v1-behaviours 12.9: 0.8 with a factor of 0.2 makes 0.666
        (Policy(BANDIT, slack_factor=0.2), UP, 0.8, 0.66, 0.8 / 1.2, True),
        (Policy(BANDIT, slack_factor=0.2), UP, 0.8, 0.67, 0.8 / 1.2, False),
        (Policy(BANDIT, slack_amount=0.2), UP, 0.8, 0.59, 0.6, True),
        (Policy(BANDIT, slack_amount=0.2), UP, 0.8, 0.61, 0.6, False),
        (Policy(BANDIT, slack_factor=0.2), DOWN, 1.0, 1.21, 1.2, True),
        (Policy(BANDIT, slack_factor=0.2), DOWN, 1.0, 1.19, 1.2, False),
        (Policy(BANDIT, slack_amount=0.5), DOWN, 1.0, 1.51, 1.5, True),
        (Policy(BANDIT, slack_factor=0.5), UP, -1.0, -1.4, -1.5, False),
        (Policy(BANDIT, slack_factor=0.5), UP, -1.0, -1.6, -1.5, True),
        (Policy(BANDIT, slack_factor=1.0), DOWN, -1.0, -0.6, -0.5, False),
        (Policy(BANDIT, slack_factor=1.0), DOWN, -1.0, -0.4, -0.5, True),
    ],
)
def test_bandit(policy, objective, best, own, bound, ends):
    said = ruled(policy, objective, [[best]], [own])
    assert said is not None
    assert (said.bound, said.ends) == (pytest.approx(bound), ends)
    assert f"{own:g}" in said.why


def test_bandit_compares_at_the_same_report():
    # The other trial's later values do not count against a trial that has just begun.
    said = ruled(Policy(BANDIT, slack_factor=0.1), UP, [[0.5, 0.7, 0.95]], [0.5])
    assert said is not None
    assert not said.ends


@pytest.mark.parametrize(
    ("others", "own", "ends"),
    [
        ([[0.5, 0.7], [0.6, 0.8]], [0.4, 0.5], True),  # means 0.6, 0.7, own 0.45; the best, 0.5, is below 0.6
        ([[0.5, 0.7], [0.6, 0.8]], [0.4, 0.65], False),
        ([[0.1, 0.1]], [0.1, 0.1], False),
    ],
)
def test_median_stopping(others, own, ends):
    # v1-behaviours 12.10
    said = ruled(Policy(MEDIAN_STOPPING), UP, others, own)
    assert said is not None
    assert said.ends is ends


@pytest.mark.parametrize(("own", "ends"), [(0.05, True), (0.15, True), (0.25, False), (0.95, False)])
def test_truncation_ends_the_worst_share(own, ends):
    # v1-behaviours 12.11: ten trials, 20 percent
    others = [[number / 10] for number in range(1, 10)]
    said = ruled(Policy(TRUNCATION_SELECTION, truncation_percentage=20), UP, others, [own])
    assert said is not None
    assert said.ends is ends


def test_truncation_of_few_trials_ends_none():
    said = ruled(Policy(TRUNCATION_SELECTION, truncation_percentage=20), UP, [[0.9]], [0.1])
    assert said is not None
    assert not said.ends


def test_hyperband_lets_one_of_three_go_on_from_each_rung():
    policy = Policy(HYPERBAND, min_resource=2, reduction_factor=3)
    others = [[0.1, 0.2], [0.1, 0.3], [0.1, 0.4], [0.1, 0.5], [0.1, 0.6]]
    assert ruled(policy, UP, others, [0.9]) is None  # no rung
    for value, ends in ((0.55, False), (0.45, True), (0.9, False)):
        said = ruled(policy, UP, others, [0.1, value])
        assert said is not None
        assert said.ends is ends


@pytest.mark.parametrize(
    ("interval", "delay", "looked_at"),
    [(1, 0, [1, 2, 3, 4, 5, 6]), (2, 0, [2, 4, 6]), (2, 3, [4, 6]), (1, 5, [5, 6]), (3, 6, [6])],
)
def test_policies_look_at_multiples_of_the_interval_after_the_delay(interval, delay, looked_at):
    # v1-behaviours 12.8
    policy = Policy(BANDIT, interval, delay, slack_factor=0.1)
    own = [0.1] * 6
    seen = [count for count in range(1, 7) if ruled(policy, UP, [[0.1] * 6], own[:count]) is not None]
    assert seen == looked_at


def test_nan_is_the_worst():
    said = ruled(Policy(MEDIAN_STOPPING), UP, [[0.1], [0.2]], [math.nan])
    assert said is not None
    assert said.ends
    good = ruled(Policy(MEDIAN_STOPPING), UP, [[math.nan], [math.nan]], [0.1])
    assert good is not None
    assert not good.ends


@pytest.mark.parametrize("objective", [UP, DOWN])
def test_a_bound_is_a_number_or_none(objective):
    for policy in POLICIES:
        said = ruled(policy, objective, [[math.nan], [math.nan]], [math.nan])
        assert said is not None
        assert (said.bound, said.ends) == (None, False)


POLICIES = [
    Policy(BANDIT, slack_factor=0.1),
    Policy(BANDIT, slack_amount=0.1),
    Policy(MEDIAN_STOPPING),
    Policy(TRUNCATION_SELECTION, truncation_percentage=50),
    Policy(HYPERBAND, min_resource=1, reduction_factor=2),
]
values = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=4)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@given(others=st.lists(values, min_size=1, max_size=6), own=values)
def test_minimising_mirrors_maximising(policy, others, own):
    down = ruled(policy, DOWN, others, own)
    up = ruled(policy, UP, [[-value for value in curve] for curve in others], [-value for value in own])
    assert (down and down.ends) == (up and up.ends)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@given(others=st.lists(values, min_size=1, max_size=6), own=values)
def test_the_best_trial_is_never_ended(policy, others, own):
    top = max(max(curve) for curve in others) + 1.0
    said = ruled(policy, UP, others, [top] * len(own))
    assert said is None or not said.ends
