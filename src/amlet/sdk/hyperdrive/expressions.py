"""Expressions of a search space, in v1's JSON form (v1-behaviours 12.1, 12.2)."""

from __future__ import annotations

from typing import Any, List

from amlet.domain.search_space import read_space
from amlet.sdk.hyperdrive.exceptions import HyperDriveConfigException


def choice(*options: Any) -> List[Any]:
    """One of the options, each as likely: `choice(1, 2)`, `choice([1, 2])` or `choice(range(1, 5))`.

    An option that is a dict of expressions stands for its parameters, which are drawn only when it is.

    Raises:
        HyperDriveConfigException: without options, or for a list or a range beside others.
    """
    if not options:
        raise HyperDriveConfigException("Please specify an input for choice.", hint="choice(1, 2, 3)")
    given: List[Any] = list(options)
    if any(isinstance(option, (list, tuple, range)) for option in options):
        if len(options) > 1:
            raise HyperDriveConfigException(
                "choice takes values, or one list, or one range, not several of them.", hint="choice([1, 2, 3])"
            )
        given = list(options[0])
        if not given:
            raise HyperDriveConfigException(f"choice was given an empty {type(options[0]).__name__}.")
    return ["choice", [given]]


def randint(upper: int) -> List[Any]:
    """A whole number from 0 to below `upper`, each as likely.

    Raises:
        HyperDriveConfigException: if it is no whole number above 0.
    """
    if isinstance(upper, bool) or not isinstance(upper, int):
        raise HyperDriveConfigException(f"randint takes a whole number, not {upper!r}.")
    return _checked("randint", upper)


def uniform(min_value: float, max_value: float) -> List[Any]:
    """A number from `min_value` to `max_value`, each as likely."""
    return _checked("uniform", min_value, max_value)


def quniform(min_value: float, max_value: float, q: int) -> List[Any]:
    """round(uniform(min_value, max_value) / q) * q."""
    return _checked("quniform", min_value, max_value, q)


def loguniform(min_value: float, max_value: float) -> List[Any]:
    """exp(uniform(min_value, max_value)): both are logarithms."""
    return _checked("loguniform", min_value, max_value)


def qloguniform(min_value: float, max_value: float, q: int) -> List[Any]:
    """round(exp(uniform(min_value, max_value)) / q) * q."""
    return _checked("qloguniform", min_value, max_value, q)


def normal(mu: float, sigma: float) -> List[Any]:
    """A number of the normal distribution with this mean and standard deviation."""
    return _checked("normal", mu, sigma)


def qnormal(mu: float, sigma: float, q: int) -> List[Any]:
    """round(normal(mu, sigma) / q) * q."""
    return _checked("qnormal", mu, sigma, q)


def lognormal(mu: float, sigma: float) -> List[Any]:
    """exp(normal(mu, sigma))."""
    return _checked("lognormal", mu, sigma)


def qlognormal(mu: float, sigma: float, q: int) -> List[Any]:
    """round(exp(normal(mu, sigma)) / q) * q."""
    return _checked("qlognormal", mu, sigma, q)


def _checked(kind: str, *numbers: Any) -> List[Any]:
    from amlet.base.errors import InvalidInput

    told: List[Any] = [kind, list(numbers)]
    try:
        read_space({"value": told}, subject="expression")
    except InvalidInput as error:
        words = error.fields[0].message if error.fields else error.message
        raise HyperDriveConfigException(f"{words}.") from None
    return told
