"""Samplers whose n-th draw follows from the seed and n alone: random, grid and quasi-random search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from amlet.domain.search_space import Space, is_space, read_space
from amlet.domain.sweep import GRID, QUASI_RANDOM, RANDOM, Sampling
from amlet.sweeps import cells, chance
from amlet.sweeps.base import Parameters, Sampler
from amlet.sweeps.expressions import quantile
from amlet.sweeps.halton import halton

REFUSALS_LIMIT = 50
"""Draws in a row that were there before, after which one of the cells that are left is chosen among them."""

LISTED_LIMIT = 100_000
"""Cells of a space that are listed to find those that are left. A larger space is never nearly used up."""

TRIES_LIMIT = 10_000
"""Draws in a row that were there before, after which a space that is not listed counts as used up: one that rounds to
few values, or whose options are alike."""

SHUFFLED_LIMIT = 1 << 53
"""Cells of a space that one random number can tell apart."""

Path = tuple[str, ...]
"""A parameter's name, after those of the choices that it is below."""


def sampler_of(sampling: Sampling, *, known: Iterable[Parameters] = ()) -> Sampler:
    """The sampler of a method that draws by number.

    Args:
        known: Points that were tried already, by sweeps that this one goes on from: they are not drawn again.
    """
    space = read_space(sampling.space)
    return _KINDS[sampling.method](space, sampling.seed, {cells.key(point) for point in known})


class _Distinct:
    """Draws one candidate after the other, and passes over those that were there before."""

    def __init__(self, space: Space, seed: int, known: set[tuple[Any, ...]]) -> None:
        self._space = space
        self._seed = seed
        self._cells = cells.distinct(space)
        self._count = cells.count(self._cells)
        self._seen = set(known)
        self._drawn: list[Parameters] = []
        self._tried = 0

    @property
    def size(self) -> int | None:
        """How many different points there are."""
        return self._count

    def draw(self, number: int) -> Parameters | None:
        """The parameters of a trial; those of a finite space are drawn without replacement."""
        while len(self._drawn) <= number:
            following = self._next()
            if following is None:
                return None
            self._drawn.append(following)
        return dict(self._drawn[number])

    def _next(self) -> Parameters | None:
        refused = 0
        while refused < REFUSALS_LIMIT or self._count is None or self._count > LISTED_LIMIT:
            found = self._candidate(self._tried)
            self._tried += 1
            name = cells.key(found)
            if name not in self._seen:
                self._seen.add(name)
                return found
            refused += 1
            if refused > TRIES_LIMIT:
                return None
        left = [place for place in range(self._count) if cells.key(cells.cell(self._cells, place)) not in self._seen]
        if not left:
            return None
        found = cells.cell(self._cells, left[int(chance.uniform(self._seed, "left", self._tried) * len(left))])
        self._seen.add(cells.key(found))
        return found

    def _candidate(self, number: int) -> Parameters:
        raise NotImplementedError


class RandomSearch(_Distinct):
    """Every parameter by its own distribution (v1-behaviours 12.3)."""

    def _candidate(self, number: int) -> Parameters:
        return _point(self._space, lambda path: chance.uniform(self._seed, number, *path))


class ShuffledCells:
    """The cells of a space in an order by chance: random search where all of them are drawn equally often.

    A draw costs the same at the last cell as at the first, where candidates that were there before would have to be
    passed over more and more often.
    """

    def __init__(self, space: Space, seed: int, known: set[tuple[Any, ...]]) -> None:
        self._cells = space
        self._seed = seed
        self._count = cells.count(space) or 0
        self._known = known
        self._drawn: list[Parameters] = []
        self._tried = 0
        self._moved: dict[int, int] = {}
        """Of an order that is shuffled from its beginning on: what lies where another cell lay first."""

    @property
    def size(self) -> int | None:
        """How many cells there are."""
        return self._count

    def draw(self, number: int) -> Parameters | None:
        """The parameters of a trial, without replacement; those left out that were tried before."""
        while len(self._drawn) <= number:
            if self._tried == self._count:
                return None
            found = cells.cell(self._cells, self._next())
            if cells.key(found) not in self._known:
                self._drawn.append(found)
        return dict(self._drawn[number])

    def _next(self) -> int:
        """The next cell of the order (Fisher and Yates)."""
        place = self._tried
        other = place + int(chance.uniform(self._seed, "cell", place) * (self._count - place))
        self._tried += 1
        found = self._moved.get(other, other)
        self._moved[other] = self._moved.pop(place, place)
        return found


class QuasiRandomSearch(_Distinct):
    """Points of a scrambled Halton sequence, through every parameter's distribution: more even than random ones."""

    def __init__(self, space: Space, seed: int, known: set[tuple[Any, ...]]) -> None:
        super().__init__(space, seed, known)
        self._places = {path: place for place, path in enumerate(dict.fromkeys(_paths(space)))}

    def _candidate(self, number: int) -> Parameters:
        return _point(self._space, lambda path: halton(number, self._places[path], self._seed))


class GridSearch:
    """Every cell once, in the order in which the choices were written."""

    def __init__(self, space: Space, _seed: int, known: set[tuple[Any, ...]]) -> None:
        self._space = cells.distinct(space)
        self._count = cells.count(self._space) or 0
        self._known = known
        self._skipped: list[int] = []
        self._looked_at = 0

    @property
    def size(self) -> int | None:
        """How many cells there are."""
        return self._count

    def draw(self, number: int) -> Parameters | None:
        """The cell of this number, those left out that were tried before."""
        # No further than this cell: a grid may have more of them than can ever be looked at.
        while self._known and self._looked_at < min(self._count, number + len(self._skipped) + 1):
            if cells.key(cells.cell(self._space, self._looked_at)) in self._known:
                self._skipped.append(self._looked_at)
            self._looked_at += 1
        for place in self._skipped:
            number += place <= number
        return cells.cell(self._space, number) if number < self._count else None


def _point(space: Space, share: Callable[[Path], float], before: Path = ()) -> Parameters:
    found: Parameters = {}
    for name, expression in space.items():
        path = (*before, name)
        value = quantile(expression, share(path))
        if is_space(value):
            found.update(_point(value, share, path))
        else:
            found[name] = value
    return found


def _paths(space: Space, before: Path = ()) -> Iterator[Path]:
    for name, expression in space.items():
        yield (*before, name)
        for option in expression.options:
            if is_space(option):
                yield from _paths(option, (*before, name))


def _random(space: Space, seed: int, known: set[tuple[Any, ...]]) -> Sampler:
    count = cells.count(space)
    if count is not None and cells.are_even(space):
        distinct = cells.distinct(space)
        if (cells.count(distinct) or 0) <= SHUFFLED_LIMIT:
            return ShuffledCells(distinct, seed, known)
    return RandomSearch(space, seed, known)


_KINDS: dict[str, Callable[[Space, int, set[tuple[Any, ...]]], Sampler]] = {
    RANDOM: _random,
    GRID: GridSearch,
    QUASI_RANDOM: QuasiRandomSearch,
}
