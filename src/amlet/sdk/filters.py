"""v1's filters by tags, properties, type and status."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Sequence

from amlet.sdk.exceptions import UserErrorException


def chosen_marks(*, tags: Any = None, properties: Any = None, type: Any = None, status: Any = None) -> Dict[str, Any]:
    """v1's filters of runs as fields of `wire.runs.RunQuery`; what is None is left out.

    For tags and properties a text is a key that must be there, a dict is keys and values that must be equal
    (v1-behaviours 2.9).
    """
    found: Dict[str, Any] = {}
    for name, wanted in (("tags", tags), ("properties", properties)):
        if isinstance(wanted, str):
            found[name] = json.dumps({wanted: None})
        elif isinstance(wanted, Mapping):
            found[name] = json.dumps({str(key): None if value is None else str(value) for key, value in wanted.items()})
        elif wanted is not None:
            raise UserErrorException(f"{name} must be a key or a dict of keys and values, not {wanted!r}.")
    if type is not None:
        found["type"] = str(type)
    if isinstance(status, str):
        found["status"] = status
    elif status is not None:
        found["filter"] = f"status in ({', '.join(quoted(str(one)) for one in status)})" if list(status) else None
    return {name: value for name, value in found.items() if value is not None}


def quoted(text: str) -> str:
    """A text as the filter language has it."""
    return "'" + text.replace("'", "''") + "'"


def has_all(held: Mapping[str, Any], wanted: Optional[Sequence[Any]]) -> bool:
    """Models and services: a list of keys, or of [key, value]; all must be there (v1-behaviours 14.5)."""
    for item in wanted or ():
        key, values = (item, ()) if isinstance(item, str) else (item[0], item[1:])
        if key not in held or (values and held[key] != values[0]):
            return False
    return True
