"""What a sweep may be: the rules that need no records, for the SDK and the server alike."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.names import closest
from amlet.domain.search_space import CHOICE, QUNIFORM, UNIFORM, Space, is_space, read_space, walk
from amlet.domain.sweep import (
    BANDIT,
    BAYESIAN,
    CMA_ES,
    GAUSSIAN_PROCESS,
    GOALS,
    GRID,
    HYPERBAND,
    MAX_TOTAL_RUNS,
    METHODS,
    PARENTS_LIMIT,
    POLICIES,
    TRUNCATION_SELECTION,
    Policy,
    Sampling,
    SweepSpec,
)

BAYESIAN_STEPS_LIMIT = 100_000
"""v1-behaviours 12.3."""


def faults_of_spec(spec: SweepSpec) -> List[FieldError]:
    """Everything that is wrong with a sweep."""
    faults = faults_of_sampling(spec.sampling) + faults_of_policy(spec.policy)
    if not spec.objectives:
        faults.append(FieldError("objectives", "a sweep needs a primary metric"))
    for number, objective in enumerate(spec.objectives):
        if not objective.metric or len(objective.metric) > 1000:
            faults.append(FieldError(f"objectives[{number}].metric", "must be the name of a metric"))
        if objective.goal not in GOALS:
            said = f"must be one of {', '.join(GOALS)}, not {objective.goal[:50]!r}"
            faults.append(FieldError(f"objectives[{number}].goal", said))
    if len(spec.objectives) > 1 and spec.sampling.method in (CMA_ES, GAUSSIAN_PROCESS):
        said = f"{spec.sampling.method} searches for one metric; random, grid, quasirandom and tpe take several"
        faults.append(FieldError("objectives", said))
    if not 1 <= spec.max_total_runs <= MAX_TOTAL_RUNS:
        said = f"must be from 1 to {MAX_TOTAL_RUNS}, got {spec.max_total_runs}"
        faults.append(FieldError("max_total_runs", said))
    if not 1 <= spec.max_concurrent_runs <= MAX_TOTAL_RUNS:
        said = f"must be from 1 to {MAX_TOTAL_RUNS}, got {spec.max_concurrent_runs}"
        faults.append(FieldError("max_concurrent_runs", said))
    if spec.max_duration_s < 1:
        faults.append(FieldError("max_duration_s", f"must be 1 or more, got {spec.max_duration_s}"))
    if len(spec.resume_from) > PARENTS_LIMIT or len(set(spec.resume_from)) < len(spec.resume_from):
        said = f"may name at most {PARENTS_LIMIT} sweeps, each once"
        faults.append(FieldError("resume_from", said))
    if len(set(spec.resume_child_runs)) < len(spec.resume_child_runs):
        faults.append(FieldError("resume_child_runs", "names a trial twice"))
    if len(spec.resume_child_runs) > spec.max_total_runs:
        said = f"names {len(spec.resume_child_runs)} trials, more than max_total_runs, {spec.max_total_runs}"
        faults.append(FieldError("resume_child_runs", said))
    return faults


def faults_of_sampling(sampling: Sampling) -> List[FieldError]:
    """What is wrong with where the parameters come from (v1-behaviours 12.2, 12.3)."""
    if sampling.method not in METHODS:
        hint = closest(sampling.method, list(METHODS))
        said = f"there is no sampling {sampling.method[:50]!r}; {hint}there are {', '.join(METHODS)}"
        return [FieldError("sampling.method", said)]
    try:
        space = read_space(sampling.space)
    except InvalidInput as error:
        return list(error.fields) or [FieldError("parameter_space", error.message)]
    check = _BY_METHOD.get(sampling.method)
    return check(space) if check is not None else []


def _grid(space: Space) -> List[FieldError]:
    return [
        FieldError(f"parameter_space[{name!r}]", f"a grid takes choice alone, not {expression.kind}")
        for name, expression in walk(space)
        if expression.kind != CHOICE
    ]


def _bayesian(space: Space) -> List[FieldError]:
    faults = []
    for name, expression in walk(space):
        path = f"parameter_space[{name!r}]"
        if expression.kind not in (CHOICE, UNIFORM, QUNIFORM):
            said = f"Bayesian sampling takes choice, uniform and quniform, not {expression.kind}; TPE takes all"
            faults.append(FieldError(path, said))
        elif expression.kind == QUNIFORM:
            low, high, step = expression.numbers
            if any(number != int(number) for number in expression.numbers):
                faults.append(FieldError(path, "quniform: min_value, max_value and q must be whole numbers here"))
            elif step and (high - low) / step > BAYESIAN_STEPS_LIMIT:
                faults.append(FieldError(path, f"quniform: has more than {BAYESIAN_STEPS_LIMIT:,} steps"))
        elif expression.kind == CHOICE:
            faults += [FieldError(path, said) for said in _options(expression.options)]
    return faults


def _options(options: Sequence[Any]) -> List[str]:
    plain = [option for option in options if not is_space(option)]
    if any(isinstance(option, bool) or not isinstance(option, (int, float, str)) for option in plain):
        return ["choice: options must be whole numbers, floats or texts here"]
    texts = sum(isinstance(option, str) for option in plain)
    return ["choice: all options must be texts, or none, here"] if 0 < texts < len(plain) else []


_BY_METHOD: Dict[str, Callable[[Space], List[FieldError]]] = {GRID: _grid, BAYESIAN: _bayesian}


def faults_of_policy(policy: Policy) -> List[FieldError]:
    """What is wrong with an early termination policy (v1-behaviours 12.8 to 12.11)."""
    faults = []
    if policy.name not in POLICIES:
        hint = closest(policy.name, list(POLICIES))
        said = f"there is no policy {policy.name[:50]!r}; {hint}there are {', '.join(POLICIES)}"
        return [FieldError("policy.name", said)]
    if policy.evaluation_interval < 1:
        faults.append(FieldError("policy.evaluation_interval", f"must be 1 or more, got {policy.evaluation_interval}"))
    if policy.delay_evaluation < 0:
        faults.append(FieldError("policy.delay_evaluation", f"must be 0 or more, got {policy.delay_evaluation}"))
    if policy.name == BANDIT:
        slack = [value for value in (policy.slack_factor, policy.slack_amount) if value is not None]
        if len(slack) != 1:
            faults.append(FieldError("policy", "bandit needs slack_factor or slack_amount, and not both"))
        elif not 0 <= slack[0] < float("inf"):
            faults.append(FieldError("policy", f"bandit's slack must be 0 or more, got {slack[0]}"))
    if policy.name == TRUNCATION_SELECTION and not 1 <= (policy.truncation_percentage or 0) <= 99:
        said = f"must be from 1 to 99, got {policy.truncation_percentage}"
        faults.append(FieldError("policy.truncation_percentage", said))
    if policy.name == HYPERBAND:
        for field, least in (("min_resource", 1), ("reduction_factor", 2), ("brackets", 1)):
            value = getattr(policy, field)
            if value is not None and value < least:
                faults.append(FieldError(f"policy.{field}", f"must be {least} or more, got {value}"))
    return faults
