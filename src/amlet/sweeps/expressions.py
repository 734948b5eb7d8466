"""The distributions of expressions: each one's quantile function, which turns a number in (0, 1) into a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

from amlet.domain.search_space import (
    CHOICE,
    GAUSSIAN,
    LOGARITHMIC,
    QUANTISED,
    RANDINT,
    Expression,
)

_NORMAL = NormalDist()


def quantile(expression: Expression, u: float) -> Any:
    """The value below which the share u of all draws lies.

    Args:
        u: In the open interval (0, 1).

    Returns:
        An option of a choice; a whole number from a randint, or with a step of 1 or more; else a float.

    Source:
        v1-behaviours 12.2.
    """
    if expression.kind == CHOICE:
        return expression.options[min(int(u * len(expression.options)), len(expression.options) - 1)]
    if expression.kind == RANDINT:
        return min(int(u * expression.numbers[0]), int(expression.numbers[0]) - 1)
    first, second = expression.numbers[:2]
    if expression.kind in GAUSSIAN:
        value = first + second * _NORMAL.inv_cdf(u)
    else:
        value = min(first + u * (second - first), second)
    if expression.kind in LOGARITHMIC:
        value = _exp(value)
    step = expression.numbers[2] if expression.kind in QUANTISED else 0
    return round(value / step) * int(step) if step and math.isfinite(value) else float(value)


def values_of(expression: Expression) -> Sequence[Any]:
    """Every value of an expression that has a finite number of them, in order; made as they are looked at."""
    if expression.kind == CHOICE:
        return expression.options
    if expression.kind == RANDINT:
        return range(int(expression.numbers[0]))
    steps, step = _steps(expression), int(expression.numbers[2])
    return range(steps.start * step, steps.stop * step, step)


def count_of(expression: Expression) -> int | None:
    """How many values it has; None when they cannot be counted."""
    if expression.kind == CHOICE:
        return len(expression.options)
    if expression.kind == RANDINT:
        return int(expression.numbers[0])
    if not expression.is_finite:
        return None
    steps = _steps(expression)
    return steps.stop - steps.start  # len() stops at 2**63


def _steps(expression: Expression) -> range:
    """The multiples of the step that draws are rounded to. One that an end alone is rounded to is never drawn."""
    assert expression.is_finite
    first, last, step = expression.numbers
    return range(math.floor(first / step + 0.5), math.ceil(last / step - 0.5) + 1)


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
