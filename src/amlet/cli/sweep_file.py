"""v1's file of a sweep, hdconfig.yml (v1-behaviours 12.23)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from amlet.base.errors import FieldError, InvalidInput
from amlet.cli.expressions import POLICY_NAMES
from amlet.domain import sweep as sweeps
from amlet.domain.sweep import Objective, Policy, Sampling

SAMPLINGS = {
    "random": sweeps.RANDOM,
    "grid": sweeps.GRID,
    "bayesian": sweeps.BAYESIAN,
    "bayesianoptimization": sweeps.BAYESIAN,
    **{name: name for name in sweeps.METHODS},
}
_KEYS = (
    "sampling",
    "policy",
    "primary_metric_name",
    "primary_metric_goal",
    "max_total_runs",
    "max_concurrent_runs",
    "max_duration_minutes",
)


class SweepFile(NamedTuple):
    """What the file says; None where it says nothing."""

    sampling: Sampling | None
    policy: Policy | None
    objective: Objective | None
    max_total_runs: int | None
    max_concurrent_runs: int | None
    max_duration_minutes: int | None


def read_sweep_file(path: Path) -> SweepFile:
    """Read the file.

    Raises:
        InvalidInput: with every fault of it.
    """
    try:
        told = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {path}.") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path} cannot be read: {str(error).splitlines()[0]}.") from error
    if not isinstance(told, dict):
        raise InvalidInput(f"{path} holds no sweep: it must be a mapping with {', '.join(_KEYS)}.")
    faults = [FieldError(str(key), "is not a setting of a sweep") for key in told if key not in _KEYS]
    sampling = _sampling(told.get("sampling"), faults)
    policy = _policy(told.get("policy"), faults)
    goal = str(told.get("primary_metric_goal", "maximize")).lower()
    metric = told.get("primary_metric_name")
    numbers: dict[str, int | None] = {}
    for key in _KEYS[4:]:
        value = told.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            faults.append(FieldError(key, f"must be a whole number, not {value!r}"))
            value = None
        numbers[key] = value
    if faults:
        raise InvalidInput.of(faults, subject=str(path))
    objective = Objective(str(metric), goal) if metric is not None else None
    return SweepFile(sampling, policy, objective, **numbers)


def _sampling(told: Any, faults: list[FieldError]) -> Sampling | None:
    if told is None:
        return None
    if not isinstance(told, dict) or not isinstance(told.get("parameter_space"), list):
        faults.append(FieldError("sampling", "needs a type and a parameter_space, a list of name, expression, values"))
        return None
    kind = SAMPLINGS.get(str(told.get("type", "")).lower().replace("_", ""))
    if kind is None:
        faults.append(FieldError("sampling.type", f"must be random, grid or bayesian, not {told.get('type')!r}"))
        return None
    space: dict[str, Any] = {}
    for number, one in enumerate(told["parameter_space"]):
        path = f"sampling.parameter_space[{number}]"
        if not isinstance(one, dict) or not {"name", "expression", "values"} <= set(one):
            faults.append(FieldError(path, "needs name, expression and values"))
            continue
        values = one["values"] if isinstance(one["values"], list) else [one["values"]]
        space[str(one["name"])] = [str(one["expression"]), [values] if one["expression"] == "choice" else values]
    return Sampling(kind, space)


def _policy(told: Any, faults: list[FieldError]) -> Policy | None:
    if told is None:
        return None
    name = (
        POLICY_NAMES.get(str(told.get("type", "")).lower().replace("_", "").replace("policy", ""))
        if isinstance(told, dict)
        else None
    )
    if name is None:
        faults.append(FieldError("policy.type", "must be bandit, medianstopping, truncationselection or default"))
        return None
    settings = {key: value for key, value in told.items() if key != "type" and value is not None}
    wrong = [key for key in settings if key not in Policy._fields or key == "name"]
    numbers = [key for key, value in settings.items() if isinstance(value, bool) or not isinstance(value, (int, float))]
    faults += [FieldError(f"policy.{key}", "is not a setting of a policy") for key in wrong]
    faults += [FieldError(f"policy.{key}", "must be a number") for key in numbers if key not in wrong]
    return Policy(name, **settings) if not wrong and not numbers else None
