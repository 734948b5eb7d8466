"""Which types the columns of text have, told from samples of the files: the same with and without pyarrow."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence

from amlet.sdk.dataset.data_type import (
    BOOL,
    DATETIME,
    DATETIME_WITH_ZONE,
    FLOAT,
    LONG,
    NULL_TEXTS,
    RECORD,
    STRING,
    DataType,
    has_zone,
    read_iso,
)
from amlet.sdk.notice import warn

_LONG = re.compile(r"\s*-?\d{1,19}\s*\Z", re.ASCII)
_FLOAT = re.compile(r"\s*-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*\Z|\s*-?inf\s*\Z", re.ASCII | re.IGNORECASE)
_BOOL = ("true", "false")
_DAYS = ("%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%m-%d-%Y", "%d-%m-%Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M:%S %p", " %I:%M %p")
_SWAPPED = {"%m/%d/%Y": "%d/%m/%Y", "%m-%d-%Y": "%d-%m-%Y"}


def types_of_texts(columns: Dict[str, List[str]]) -> Dict[str, str]:
    """The type of each column that is not plain text.

    Days that may be month-day or day-month are taken for month-day, with a warning (v1-behaviours 13.2).
    """
    found = {}
    for name, values in columns.items():
        kind = _type_of([value for value in dict.fromkeys(values) if value not in NULL_TEXTS], name)
        if kind.kind != STRING:
            found[name] = str(kind)
    return found


def widened(types: Dict[str, str], later: Mapping[str, Iterable[str]]) -> Dict[str, str]:
    """The types, with fractions for those columns of whole numbers that have some among more values."""
    found = dict(types)
    for name, values in later.items():
        if types.get(name) == LONG and any(_FLOAT.match(value) and not _LONG.match(value) for value in values):
            found[name] = FLOAT
    return found


def types_of_objects(rows: Iterable[Dict[str, Any]], later: Iterable[Dict[str, Any]] = ()) -> Dict[str, str]:
    """The type of every key of JSON objects, in the order of their first use. Text stays text, but for times.

    Args:
        later: More of them. They tell only of other keys, and of fractions among whole numbers.
    """
    found = {name: str(_type_of_values(values)) for name, values in _by_key(rows).items()}
    for name, values in _by_key(later).items():
        if name not in found:
            found[name] = str(_type_of_values(values))
        elif found[name] == LONG and any(isinstance(value, float) for value in values):
            found[name] = FLOAT
    return found


def _by_key(rows: Iterable[Dict[str, Any]]) -> Dict[str, List[Any]]:
    """The values of each key, but for nulls."""
    seen: Dict[str, List[Any]] = {}
    for row in rows:
        for name, value in row.items():
            held = seen.setdefault(name, [])
            if value is not None:
                held.append(value)
    return seen


def _type_of(texts: List[str], name: str) -> DataType:
    if not texts:
        return DataType(STRING)
    if all(map(_LONG.match, texts)) and all(-(1 << 63) <= int(text) < 1 << 63 for text in texts):
        return DataType(LONG)
    if all(map(_FLOAT.match, texts)):
        return DataType(FLOAT)
    if all(text.strip().lower() in _BOOL for text in texts):
        return DataType(BOOL)
    return _time_of(texts, name) or DataType(STRING)


def _type_of_values(values: List[Any]) -> DataType:
    kinds = {type(value) for value in values}
    if not kinds:
        return DataType(STRING)
    if kinds == {bool}:
        return DataType(BOOL)
    if kinds == {int}:
        inside = all(-(1 << 63) <= value < 1 << 63 for value in values)
        return DataType(LONG if inside else FLOAT)
    if kinds <= {int, float}:
        return DataType(FLOAT)
    if kinds == {str}:
        return _iso_of(values) or DataType(STRING)
    if kinds <= {dict, list}:
        return DataType(RECORD)
    return DataType(STRING)


def _time_of(texts: List[str], name: str) -> Optional[DataType]:
    found = _iso_of(texts)
    if found is not None or not texts[0].strip()[:1].isdigit():
        return found
    for day in _DAYS:
        for clock in _CLOCKS:
            if not _all_read(_reader(day + clock), texts):
                continue
            other = _SWAPPED.get(day)
            if other is not None and _all_read(_reader(other + clock), texts):
                warn(
                    f"the days of column {name!r} may be month-day or day-month: month-day is taken; "
                    f"set_column_types={{{name!r}: DataType.to_datetime('{other + clock}')}} takes the other."
                )
            return DataType(DATETIME, [day + clock])
    return None


def _iso_of(texts: List[str]) -> Optional[DataType]:
    if not _all_read(read_iso, texts):
        return None
    zones = sum(map(has_zone, texts))
    # Some with and some without cannot be read by one rule.
    return DataType(DATETIME_WITH_ZONE) if zones == len(texts) else DataType(DATETIME) if not zones else None


def _reader(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text.strip(), form)


def _all_read(read: Callable[[str], Any], texts: Sequence[str]) -> bool:
    try:
        for text in texts:
            read(text)
    except ValueError:
        return False
    return True


def unique_names(names: Sequence[str]) -> List[str]:
    """The names of columns, told apart: a second `a` becomes `a_1`; one without a name is numbered."""
    taken: List[str] = []
    for number, name in enumerate(names, 1):
        base = name if name.strip() else f"Column{number}"
        chosen, count = base, 0
        while chosen in taken or (count and chosen in names):
            count += 1
            chosen = f"{base}_{count}"
        taken.append(chosen)
    return taken
