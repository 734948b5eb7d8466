"""Places in a list, as a page's query tells them."""

from __future__ import annotations

from collections.abc import Mapping

from amlet.base.errors import InvalidInput

DIGITS = 18
"""Fits the records' integers."""


def count_of(query: Mapping[str, str], name: str) -> int:
    """A number of things before a place; 0 when it is left out.

    Raises:
        InvalidInput: for what is no such number.
    """
    text = query.get(name) or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise InvalidInput(f"{text[:50]!r} is not a place in this list.", hint=f"leave `{name}` out.")
    return int(text)
