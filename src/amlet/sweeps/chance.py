"""Random numbers by name: the same on every machine and in every version of Python, whatever was drawn before."""

from __future__ import annotations

import hashlib

_BITS = 53


def uniform(*key: object) -> float:
    """A number in the open interval (0, 1) that follows from the key alone.

    Different keys give independent numbers: 53 bits of BLAKE2b. The ends are left out, since quantiles of a normal
    distribution have no value there.
    """
    text = "\0".join(map(str, key)).encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> (64 - _BITS)
    return (number + 0.5) / (1 << _BITS)


def permutation(count: int, *key: object) -> list[int]:
    """The numbers below count in an order that follows from the key alone (Fisher and Yates)."""
    order = list(range(count))
    for place in range(count - 1, 0, -1):
        other = int(uniform(*key, place) * (place + 1))
        order[place], order[other] = order[other], order[place]
    return order
