"""The era rule: which Python a spec gets, and the day whose packages go with it.

A spec that names a Python past its end of life was written for the packages of its time: its scripts call names that
later releases removed (`np.float` left in NumPy 1.24, v1-behaviours 0.1).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from amlet.base.errors import EnvironmentFailed, InvalidInput
from amlet.environments.pythons import OLDEST, Minor, Python, minor_text

ERAS = {
    (3, 8): "2020-10-15",
    (3, 9): "2021-10-01",
    (3, 10): "2022-12-01",
    (3, 11): "2022-12-01",
}
"""For a Python that stands in for an old one: the last day whose packages it gets."""

NEWER_ERAS = {
    (3, 12): "2024-02-15",
    (3, 13): "2024-12-15",
}
"""For curated names alone, where no Python of the table above is at hand: the first day by which the packages that they
name had wheels for this Python. Today's would be further from what the name promises.
"""

NEWEST_OLD: Minor = (3, 9)
"""Naming this Python or an older one asks for the packages of its era."""

_EXACT = re.compile(r"=*\s*(\d+)(?:\.(\d+))?(?:\.\d+)?(?:\.\*|\*)?(?:[ab]\d+)?(?:=\S*)?")
_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<|=)?\s*(\d+)\.(\d+)(?:\.(?:\d+|\*))*")
_KNOWN_MINORS = [(3, number) for number in range(6, 15)]


class Choice(NamedTuple):
    """The Python that a spec gets."""

    python: Python
    as_of: str | None
    """Packages are as of this day; None is today."""
    note: str
    """Which Python and why, a sentence."""
    relaxed: bool
    """It is not the Python that the spec names."""


def choose(
    asked: str | None, at_hand: Sequence[Python], own: Minor, *, newer_too: bool = False, day: str | None = None
) -> Choice:
    """Choose the interpreter for a spec.

    Args:
        asked: What the spec says of Python, as written; None when it says nothing.
        at_hand: The interpreters of this machine.
        own: The minor version of the Python that runs us.
        newer_too: A Python past 3.11 may stand in for an old one, as it may for a curated name.
        day: The day of a curated name: packages are as of then, or of the later day that the Python calls for.

    Raises:
        InvalidInput: for text that names no Python 3.
        EnvironmentFailed: if no interpreter at hand will do; says which were found.
    """
    found = ", ".join(str(python) for python in at_hand) or "none"
    packages = f"packages as of {day}" if day else "today's packages"
    if not at_hand:
        raise EnvironmentFailed(
            "No Python from 3.8 on was found on this machine.", hint="install one, such as python3.11."
        )
    if not asked:
        python = _nearest(own, at_hand)
        return Choice(python, day, f"The spec names no Python: {python}, which runs amlet, with {packages}.", False)
    wanted = parse(asked, [python.minor for python in at_hand], own)
    if wanted <= NEWEST_OLD:
        fit = [python for python in at_hand if python.minor in ERAS]
        if not fit and newer_too:
            return _newer_stand_in(asked, _nearest(wanted, at_hand))
        if not fit:
            raise EnvironmentFailed(
                f"python={asked} is past its end of life and needs one of Python 3.8 to 3.11; found: {found}.",
                hint=f"install Python {minor_text(max(wanted, OLDEST))} to 3.11, or name a newer python in the spec.",
            )
        python = _nearest(wanted, fit)
        as_of = max(ERAS[python.minor], day or "")
        relaxed = python.minor != wanted
        stands_in = f"Python {python} is the nearest at hand" if relaxed else f"Python {python} is at hand"
        return Choice(
            python,
            as_of,
            f"python={asked} is past its end of life: {stands_in}, with packages as of {as_of}.",
            relaxed,
        )
    python = _nearest(wanted, at_hand)
    if python.minor == wanted:
        return Choice(python, day, f"python={asked}: Python {python}, with {packages}.", False)
    return Choice(python, day, f"python={asked} is not at hand (found: {found}): Python {python} is nearest.", True)


def worth_fetching(asked: str | None, at_hand: Sequence[Python], own: Minor) -> Minor | None:
    """The minor version that a spec would get if it were on this machine, where that is 3.8 or later and is not.

    Raises:
        InvalidInput: for text that names no Python 3.
    """
    if not asked:
        return None
    minors = [python.minor for python in at_hand]
    wanted = parse(asked, minors, own)
    if wanted in minors:
        return None
    if wanted < OLDEST:
        # Whatever is fetched stands in for it as well as what is there.
        return None if any(minor in ERAS for minor in minors) else OLDEST
    return wanted


def _newer_stand_in(asked: str, python: Python) -> Choice:
    as_of = NEWER_ERAS.get(python.minor)
    packages = f"with packages as of {as_of}, the nearest with wheels for it" if as_of else "with today's packages"
    return Choice(
        python,
        as_of,
        f"python={asked} is past its end of life, and none of Python 3.8 to 3.11 is at hand: "
        f"Python {python} stands in, {packages}.",
        True,
    )


def parse(asked: str, at_hand: Sequence[Minor], own: Minor) -> Minor:
    """The minor version that a spec means: `3.6.2`, `3.8.*`, `>=3.7,<3.10`.

    Of a range, the Python that runs us if it is in it, else the newest at hand, else the newest there is.
    """
    text = asked.strip()
    exact = _EXACT.fullmatch(text)
    if exact is not None:
        minor = (int(exact[1]), int(exact[2]) if exact[2] else (own[1] if exact[1] == "3" else 0))
        if minor[0] != 3:
            raise InvalidInput(f"python={asked} is not a Python 3.", hint="name python=3.8 or newer in the spec.")
        return minor
    clauses: list[tuple[str, Minor]] = []
    for part in text.split(","):
        clause = _CLAUSE.fullmatch(part.strip())
        if clause is None:
            raise InvalidInput(f"{asked!r} names no Python version.", hint="write it as python=3.8 in the spec.")
        clauses.append((clause[1] or "==", (int(clause[2]), int(clause[3]))))
    fit = [minor for minor in _KNOWN_MINORS if all(_holds(minor, *clause) for clause in clauses)]
    if not fit:
        raise InvalidInput(f"No Python 3 is {asked!r}.", hint="write it as python=3.8 in the spec.")
    if own in fit:
        return own
    return max([minor for minor in fit if minor in at_hand] or fit)


def _holds(minor: Minor, operator: str, bound: Minor) -> bool:
    if operator == ">=":
        return minor >= bound
    if operator == ">":
        return minor > bound
    if operator == "<=":
        return minor <= bound
    if operator == "<":
        return minor < bound
    if operator == "!=":
        return minor != bound
    # `~=3.8` means 3.8 or any later 3.x.
    return minor >= bound if operator == "~=" else minor == bound


def _nearest(wanted: Minor, at_hand: Sequence[Python]) -> Python:
    """The first of the nearest minor version; of two that are equally near, the newer."""
    return min(at_hand, key=lambda python: (abs(python.minor[1] - wanted[1]), -python.minor[1]))
