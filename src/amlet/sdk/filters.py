"""v1's filters by tags and properties."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Union


def matches(held: Mapping[str, Any], wanted: Optional[Union[str, Dict[str, Any]]]) -> bool:
    """Runs: a text is a key that must be there, a dict is keys and values that must be equal (v1-behaviours 2.9)."""
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted in held
    return all(key in held and held[key] == value for key, value in wanted.items())


def has_all(held: Mapping[str, Any], wanted: Optional[Sequence[Any]]) -> bool:
    """Models and services: a list of keys, or of [key, value]; all must be there (v1-behaviours 14.5)."""
    for item in wanted or ():
        key, values = (item, ()) if isinstance(item, str) else (item[0], item[1:])
        if key not in held or (values and held[key] != values[0]):
            return False
    return True
