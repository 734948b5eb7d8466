"""The cells of a finite space: how many there are, and which one has which number.

Numbers go in mixed radix: the last parameter written changes fastest. An option that holds further parameters counts
as many cells as those have.
"""

from __future__ import annotations

from typing import Any

from amlet.domain.search_space import CHOICE, RANDINT, Expression, Space, is_space
from amlet.sweeps.base import Parameters
from amlet.sweeps.expressions import count_of, values_of


def distinct(space: Space) -> Space:
    """The space without options that a choice has twice: they are one cell. 1, 1.0 and True are three options."""
    return {name: _distinct(expression) for name, expression in space.items()}


def are_even(space: Space) -> bool:
    """Whether all cells are drawn equally often."""
    return all(
        expression.kind == RANDINT
        or (expression.kind == CHOICE and not any(is_space(option) for option in expression.options))
        for expression in space.values()
    )


def count(space: Space) -> int | None:
    """How many cells there are; None when one of the parameters has values without number."""
    total = 1
    for expression in space.values():
        here = _count(expression)
        if here is None:
            return None
        total *= here
    return total


def cell(space: Space, number: int) -> Parameters:
    """The cell of a number from 0 to below the count."""
    found: list[Parameters] = []
    for name, expression in reversed(space.items()):
        here = _count(expression)
        assert here is not None
        number, place = divmod(number, here)
        found.append(_value(name, expression, place))
    return {name: value for part in reversed(found) for name, value in part.items()}


def _distinct(expression: Expression) -> Expression:
    if expression.kind != CHOICE:
        return expression
    options = [distinct(option) if is_space(option) else option for option in expression.options]
    return expression._replace(options=tuple({(type(one).__name__, repr(one)): one for one in options}.values()))


def _count(expression: Expression) -> int | None:
    if expression.kind != CHOICE:
        return count_of(expression)
    total = 0
    for option in expression.options:
        here = count(option) if is_space(option) else 1
        if here is None:
            return None
        total += here
    return total


def _value(name: str, expression: Expression, place: int) -> Parameters:
    if expression.kind != CHOICE:
        return {name: values_of(expression)[place]}
    for option in expression.options:
        here = (count(option) or 0) if is_space(option) else 1
        if place < here:
            return cell(option, place) if is_space(option) else {name: option}
        place -= here
    raise AssertionError("a place beyond the last cell")


def key(parameters: Parameters) -> tuple[Any, ...]:
    """What two trials have alike when they are of one cell. 1, 1.0 and True are three values."""
    return tuple((name, type(value).__name__, repr(value)) for name, value in sorted(parameters.items()))
