"""A scrambled Halton sequence: points that fill a cube evenly, however many are taken.

Source:
    Halton, "On the efficiency of certain quasi-random sequences", Numerische Mathematik 2 (1960); digits permuted at
    random as in Owen, "A randomized Halton algorithm in R", arXiv:1706.02808 (2017).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import takewhile

from amlet.sweeps import chance

_PRIMES = [2]
_PRECISION = 1e-10
"""Digits that weigh less than this are left to one random number for the coordinate."""


def halton(number: int, coordinate: int, seed: int) -> float:
    """A coordinate of a point, in the open interval (0, 1).

    Args:
        number: Of the point, from 0.
        coordinate: From 0; the n-th prime is its base.
    """
    base = _prime(coordinate)
    weight, place, found = 1.0 / base, 0, 0.0
    while weight > _PRECISION:
        number, digit = divmod(number, base)
        found += weight * _digits(seed, coordinate, place)[digit]
        weight /= base
        place += 1
    rest = weight * base * chance.uniform(seed, "rest", coordinate)
    return min(max(found + rest, 1e-16), 1 - 1e-16)


@lru_cache(maxsize=4096)
def _digits(seed: int, coordinate: int, place: int) -> tuple[int, ...]:
    return tuple(chance.permutation(_prime(coordinate), seed, "digits", coordinate, place))


def _prime(place: int) -> int:
    """The primes by their place: 2, 3, 5, ..."""
    while len(_PRIMES) <= place:
        candidate = _PRIMES[-1] + 1
        while any(candidate % divisor == 0 for divisor in takewhile(lambda prime: prime**2 <= candidate, _PRIMES)):  # noqa: B023
            candidate += 1
        _PRIMES.append(candidate)
    return _PRIMES[place]
