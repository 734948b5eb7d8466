"""Points of a space as model-based samplers see them: numbers in a unit interval, and places in lists.

A parameter is known by its path, so that two options of a choice may each have a parameter of one name. What has a
finite number of values is a place among them; all else is the share u whose quantile it is, so that a model sees a
logarithmic or a normal parameter on the scale on which it is even.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

from amlet.domain.search_space import CHOICE, GAUSSIAN, LOGARITHMIC, Expression, Space, is_space
from amlet.sweeps.base import Parameters
from amlet.sweeps.expressions import count_of, quantile, values_of

EDGE = 1e-9
"""Shares are between this and one less this."""

PLACES_LIMIT = 1_000
"""More values than this are taken for a share too."""

Point = dict[str, float | int]
"""By path: a share, or a place."""


class Axis(NamedTuple):
    """One parameter as a sampler sees it."""

    places: int | None
    """How many; None for a share."""
    is_ordered: bool
    """Whether places that are near one another have values that are."""


def draw(space: Space, suggest: Callable[[str, Axis], float | int]) -> Parameters:
    """The parameters of a point that is asked for path by path; options that are not chosen are not asked about."""
    return _draw(space, suggest, "")


def point_of(space: Space, parameters: Parameters) -> tuple[Point, dict[str, Axis]] | None:
    """The point that has these parameters, with its axes; None when they are not of this space."""
    point: Point = {}
    axes: dict[str, Axis] = {}
    used = _find(space, parameters, "", point, axes)
    return (point, axes) if used is not None and used == set(parameters) else None


def axis_of(expression: Expression) -> Axis:
    """How a sampler is to see an expression."""
    if expression.kind == CHOICE:
        numbers = all(
            isinstance(option, (int, float)) and not isinstance(option, bool) for option in expression.options
        )
        return Axis(len(expression.options), numbers and list(expression.options) == sorted(expression.options))
    count = count_of(expression)
    return Axis(count if count is not None and count <= PLACES_LIMIT else None, is_ordered=True)


def _draw(space: Space, suggest: Callable[[str, Axis], float | int], before: str) -> Parameters:
    found: Parameters = {}
    for name, expression in space.items():
        path = before + name
        axis = axis_of(expression)
        told = suggest(path, axis)
        value = quantile(expression, float(told)) if axis.places is None else values_of(expression)[int(told)]
        if is_space(value):
            found.update(_draw(value, suggest, f"{path}[{int(told)}]."))
        else:
            found[name] = value
    return found


def _find(space: Space, parameters: Parameters, before: str, point: Point, axes: dict[str, Axis]) -> set[str] | None:
    used: set[str] = set()
    for name, expression in space.items():
        path, axis = before + name, axis_of(expression)
        axes[path] = axis
        if axis.places is None:
            share = _share(expression, parameters.get(name))
            if share is None:
                return None
            point[path] = share
            used.add(name)
            continue
        for place, value in enumerate(values_of(expression)):
            if not is_space(value):
                if name in parameters and _same(parameters[name], value):
                    point[path] = place
                    used.add(name)
                    break
                continue
            inner: Point = {}
            inner_axes: dict[str, Axis] = {}
            below = _find(value, parameters, f"{path}[{place}].", inner, inner_axes)
            if below is not None:
                point.update({path: place, **inner})
                axes.update(inner_axes)
                used |= below
                break
        else:
            return None
    return used


def _share(expression: Expression, value: Any) -> float | None:
    """The u whose quantile a value is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if expression.kind in LOGARITHMIC:
        value = math.log(value) if value > 0 else -math.inf
    first, second = (*expression.numbers, 1)[:2]
    if expression.kind in GAUSSIAN:
        share = NormalDist(first, second).cdf(value) if second > 0 else 0.5
    elif count_of(expression) is not None and len(expression.numbers) == 1:
        share = (value + 0.5) / first
    else:
        share = (value - first) / (second - first) if second > first else 0.5
    return min(max(share, EDGE), 1 - EDGE)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
