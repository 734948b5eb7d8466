"""Learning curves: what a report is compared with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amlet.domain.sweep import MAXIMIZE, MINIMIZE, Objective
from amlet.sweeps.curves import Curves

values = st.one_of(st.floats(-10, 10), st.sampled_from([0.0, 1.0, float("nan"), float("inf")]))
reports = st.lists(st.tuples(st.sampled_from("abc"), values), max_size=30)


def made(goal: str, told: list[tuple[str, float]]) -> Curves:
    curves = Curves(Objective("value", goal))
    for trial, value in told:
        curves.add(trial, value)
    return curves


def all_of(curves: Curves, count: int) -> list[tuple[list[float], list[float]]]:
    return [(curves.means_at(report), curves.bests_at(report)) for report in range(1, count + 1)]


def test_means_and_bests_are_sorted_and_minimising_turns_them():
    curves = made(MINIMIZE, [("a", 3.0), ("a", 1.0), ("b", 2.0), ("b", 4.0)])
    assert curves.means_at(1) == [-3.0, -2.0]
    assert curves.means_at(2) == [-3.0, -2.0]
    assert curves.bests_at(2) == [-2.0, -1.0]
    assert curves.told(-2.0) == 2.0


@given(told=reports, goal=st.sampled_from([MAXIMIZE, MINIMIZE]), again=st.lists(values, max_size=4))
def test_a_trial_that_is_forgotten_leaves_nothing_and_begins_anew(told, goal, again):
    curves = made(goal, told)
    curves.forget("a")
    curves.forget("unknown")
    others = [(trial, value) for trial, value in told if trial != "a"]
    longest = max((sum(one == trial for one, _ in others) for trial in "bc"), default=0)
    assert all_of(curves, longest) == all_of(made(goal, others), longest)
    fresh = made(goal, [*others, *(("a", value) for value in again)])
    for report, value in enumerate(again, start=1):
        assert curves.add("a", value).reports == report
    assert all_of(curves, max(longest, len(again))) == all_of(fresh, max(longest, len(again)))
