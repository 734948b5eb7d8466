"""What a sweep may be: every rule that needs no records, each fault at its field, all at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.domain.search_space import KINDS
from amlet.domain.sweep import (
    BANDIT,
    BAYESIAN,
    CMA_ES,
    GAUSSIAN_PROCESS,
    GRID,
    HYPERBAND,
    MAXIMIZE,
    MEDIAN_STOPPING,
    METHODS,
    MINIMIZE,
    QUASI_RANDOM,
    RANDOM,
    TPE,
    TRUNCATION_SELECTION,
    Objective,
    Policy,
    Sampling,
    SweepSpec,
)
from amlet.domain.sweep_check import BAYESIAN_STEPS_LIMIT, faults_of_policy, faults_of_sampling, faults_of_spec

CHOICE: dict[str, Any] = {"x": ["choice", [[1, 2]]]}
ACCURACY, LATENCY = Objective("accuracy", MAXIMIZE), Objective("latency", MINIMIZE)
GOOD = SweepSpec(Sampling(RANDOM, CHOICE), [ACCURACY], max_total_runs=20, max_concurrent_runs=4)

ARGUMENTS: dict[str, list[Any]] = {
    "choice": [[1, 2]],
    "randint": [5],
    "uniform": [0, 1],
    "quniform": [0, 10, 2],
    "loguniform": [0, 1],
    "qloguniform": [0, 5, 2],
    "normal": [0, 1],
    "qnormal": [0, 5, 2],
    "lognormal": [0, 1],
    "qlognormal": [0, 2, 2],
}


def told(faults: list[Any]) -> dict[str, str]:
    return {fault.path: fault.message for fault in faults}


def test_a_good_sweep_has_no_faults():
    assert faults_of_spec(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "path", "said"),
    [
        ({"objectives": []}, "objectives", "needs a primary metric"),
        ({"objectives": [Objective("", MAXIMIZE)]}, "objectives[0].metric", "name of a metric"),
        ({"objectives": [ACCURACY, Objective("x" * 1001, MINIMIZE)]}, "objectives[1].metric", "name of a metric"),
        ({"objectives": [Objective("a", "MAXIMIZE")]}, "objectives[0].goal", "minimize, maximize, not 'MAXIMIZE'"),
        # v1-behaviours 12.4
        ({"max_total_runs": 0}, "max_total_runs", "from 1 to 1000, got 0"),
        ({"max_total_runs": 1001}, "max_total_runs", "from 1 to 1000, got 1001"),
        ({"max_concurrent_runs": 0}, "max_concurrent_runs", "from 1 to 1000, got 0"),
        ({"max_duration_s": 0}, "max_duration_s", "1 or more, got 0"),
        # v1-behaviours 12.21
        ({"resume_from": [f"HD_{number}" for number in range(6)]}, "resume_from", "at most 5 sweeps"),
        ({"resume_from": ["HD_1", "HD_1"]}, "resume_from", "each once"),
        ({"resume_child_runs": ["HD_1_0", "HD_1_0"]}, "resume_child_runs", "twice"),
        ({"resume_child_runs": ["a", "b"], "max_total_runs": 1}, "resume_child_runs", "2 trials, more than"),
    ],
)
def test_each_fault_is_told_at_its_field(changed, path, said):
    assert list(told(faults_of_spec(GOOD._replace(**changed)))) == [path]
    assert said in told(faults_of_spec(GOOD._replace(**changed)))[path]


@pytest.mark.parametrize(
    "changed",
    [
        {"max_total_runs": 1, "max_concurrent_runs": 1},
        {"max_total_runs": 1000, "max_concurrent_runs": 1000},
        {"max_duration_s": 1},
        {"resume_from": [f"HD_{number}" for number in range(5)]},
        {"resume_child_runs": [f"HD_1_{number}" for number in range(20)]},
    ],
)
def test_what_is_just_allowed_is(changed):
    assert faults_of_spec(GOOD._replace(**changed)) == []


def test_all_faults_are_told_at_once():
    sampling = Sampling(GRID, {"a": ["uniform", [0, 1]], "b": ["randint", [3]], "c": ["choice", [[1]]]})
    spec = SweepSpec(sampling, [Objective("", "up")], 0, 0, Policy(BANDIT, 0, -1), 0)
    assert set(told(faults_of_spec(spec))) == {
        "parameter_space['a']",
        "parameter_space['b']",
        "policy.evaluation_interval",
        "policy.delay_evaluation",
        "policy",
        "objectives[0].metric",
        "objectives[0].goal",
        "max_total_runs",
        "max_concurrent_runs",
        "max_duration_s",
    }


@pytest.mark.parametrize(
    ("method", "is_refused"), [(method, method in (CMA_ES, GAUSSIAN_PROCESS)) for method in METHODS]
)
def test_several_objectives_need_a_method_that_takes_them(method, is_refused):
    spec = GOOD._replace(sampling=Sampling(method, CHOICE), objectives=[ACCURACY, LATENCY])
    assert list(told(faults_of_spec(spec))) == (["objectives"] if is_refused else [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_each_method_takes_its_expressions(method, kind):
    # v1-behaviours 12.3
    taken = {GRID: ("choice",), BAYESIAN: ("choice", "uniform", "quniform")}.get(method, KINDS)
    faults = told(faults_of_sampling(Sampling(method, {"x": [kind, ARGUMENTS[kind]]})))
    assert list(faults) == ([] if kind in taken else ["parameter_space['x']"])
    below = {"m": ["choice", [[{"x": [kind, ARGUMENTS[kind]]}]]]}
    assert bool(faults_of_sampling(Sampling(method, below))) == (kind not in taken)


def test_a_refusal_says_what_to_take_instead():
    (fault,) = faults_of_sampling(Sampling(BAYESIAN, {"x": ["normal", [0, 1]]}))
    assert "TPE takes all" in fault.message
    (fault,) = faults_of_sampling(Sampling("quasi", CHOICE))
    assert all(method in fault.message for method in (*METHODS, "'quasi'"))
    (fault,) = faults_of_policy(Policy("bandid"))
    assert 'did you mean "bandit"' in fault.message


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        # v1-behaviours 12.3
        (["quniform", [0, BAYESIAN_STEPS_LIMIT, 1]], None),
        (["quniform", [0, BAYESIAN_STEPS_LIMIT + 1, 1]], "more than 100,000 steps"),
        (["quniform", [0, 2 * BAYESIAN_STEPS_LIMIT, 2]], None),
        (["quniform", [0.5, 10, 1]], "must be whole numbers"),
        (["quniform", [0, 10, 0]], None),
        (["choice", [[1, 2.5]]], None),
        (["choice", [["a", "b"]]], None),
        (["choice", [["a", 1]]], "all options must be texts, or none"),
        (["choice", [[True, False]]], "whole numbers, floats or texts"),
        (["choice", [[None, 1]]], "whole numbers, floats or texts"),
        (["choice", [[[1], [2]]]], "whole numbers, floats or texts"),
        (["choice", [["a", {"C": ["uniform", [0, 1]]}]]], None),
    ],
)
def test_bayesian_sampling_has_bounds_of_its_own(expression, said):
    faults = faults_of_sampling(Sampling(BAYESIAN, {"x": expression}))
    assert [said in fault.message for fault in faults if said] == ([True] if said else [])
    assert len(faults) == (said is not None)
    assert all(faults_of_sampling(Sampling(other, {"x": expression})) == [] for other in (RANDOM, TPE, QUASI_RANDOM))


@pytest.mark.parametrize(
    ("policy", "path", "said"),
    [
        # v1-behaviours 12.8 to 12.11
        (Policy(), None, ""),
        (Policy(MEDIAN_STOPPING, 5, 0), None, ""),
        (Policy(MEDIAN_STOPPING, 0), "policy.evaluation_interval", "1 or more, got 0"),
        (Policy(MEDIAN_STOPPING, 1, -1), "policy.delay_evaluation", "0 or more, got -1"),
        (Policy(BANDIT, slack_factor=0.1), None, ""),
        (Policy(BANDIT, slack_factor=0.0), None, ""),
        (Policy(BANDIT, slack_amount=2.0), None, ""),
        (Policy(BANDIT), "policy", "slack_factor or slack_amount"),
        (Policy(BANDIT, slack_factor=0.1, slack_amount=0.1), "policy", "not both"),
        (Policy(BANDIT, slack_factor=-0.1), "policy", "0 or more, got -0.1"),
        (Policy(BANDIT, slack_amount=float("nan")), "policy", "0 or more, got nan"),
        (Policy(BANDIT, slack_amount=float("inf")), "policy", "0 or more, got inf"),
        (Policy(TRUNCATION_SELECTION, truncation_percentage=1), None, ""),
        (Policy(TRUNCATION_SELECTION, truncation_percentage=99), None, ""),
        (Policy(TRUNCATION_SELECTION), "policy.truncation_percentage", "from 1 to 99, got None"),
        (Policy(TRUNCATION_SELECTION, truncation_percentage=100), "policy.truncation_percentage", "got 100"),
        (Policy(HYPERBAND), None, ""),
        (Policy(HYPERBAND, min_resource=0), "policy.min_resource", "1 or more, got 0"),
        (Policy(HYPERBAND, reduction_factor=1), "policy.reduction_factor", "2 or more, got 1"),
        (Policy(HYPERBAND, brackets=0), "policy.brackets", "1 or more, got 0"),
    ],
)
def test_policies_have_their_bounds(policy, path, said):
    faults = told(faults_of_policy(policy))
    assert list(faults) == ([path] if path else [])
    assert all(said in message for message in faults.values())


@given(total=st.integers(-5, 1200), concurrent=st.integers(-5, 1200), children=st.integers(0, 30))
def test_counts_are_held_to_their_bounds_each_by_itself(total, concurrent, children):
    spec = GOOD._replace(
        max_total_runs=total, max_concurrent_runs=concurrent, resume_child_runs=list(map(str, range(children)))
    )
    expected = set() if 1 <= total <= 1000 else {"max_total_runs"}
    expected |= set() if 1 <= concurrent <= 1000 else {"max_concurrent_runs"}
    expected |= {"resume_child_runs"} if children > total else set()
    assert set(told(faults_of_spec(spec))) == expected
