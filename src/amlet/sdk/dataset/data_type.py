"""Types of columns: what v1 calls them, and how a text becomes a value of one."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, List, Optional, Union

from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused import RefusedMember

STRING, LONG, FLOAT, BOOL, DATETIME = "string", "long", "float", "bool", "datetime"
DATETIME_WITH_ZONE = "datetime-with-zone"
"""Times that say their offset; kept as UTC like all times."""
RECORD = "record"
"""Lists and objects of JSON."""

NULL_TEXTS = ("", "NaN", "nan")
TRUE_TEXTS = ("true", "True", "TRUE", "1")
FALSE_TEXTS = ("false", "False", "FALSE", "0")
INT64 = 1 << 63

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII
)
_LONG = re.compile(r"\s*-?\d+\s*\Z", re.ASCII)


class DataType:
    """The type of a column, made by one of its methods: `set_column_types={"price": DataType.to_float()}`."""

    to_stream = RefusedMember("keep the column as text and open the paths in the script.")

    def __init__(self, kind: str, argument: Any = None) -> None:
        self.kind = kind
        self.argument = argument

    @staticmethod
    def to_string() -> DataType:
        """Text as it stands."""
        return DataType(STRING)

    @staticmethod
    def to_long() -> DataType:
        """Whole numbers of 64 bits."""
        return DataType(LONG)

    @staticmethod
    def to_float(decimal_mark: str = ".") -> DataType:
        """Numbers of 64 bits with a fraction after `.` or `,`.

        Raises:
            UserErrorException: for another mark.
        """
        if decimal_mark not in (".", ","):
            raise UserErrorException(f"decimal_mark={decimal_mark!r} is neither '.' nor ','.")
        return DataType(FLOAT, None if decimal_mark == "." else decimal_mark)

    @staticmethod
    def to_bool() -> DataType:
        """true and false, in any of their usual letters, 1 and 0."""
        return DataType(BOOL)

    @staticmethod
    def to_datetime(formats: Optional[Union[str, List[str]]] = None) -> DataType:
        """Times: in one of the formats of `strptime`, else ISO 8601.

        Raises:
            UserErrorException: a format is no text.
        """
        listed = [formats] if isinstance(formats, str) else list(formats or [])
        if not all(isinstance(item, str) and "%" in item for item in listed):
            raise UserErrorException(f"formats={formats!r} are no formats of times.", hint="such as '%d-%m-%Y'.")
        return DataType(DATETIME, listed or None)

    @staticmethod
    def parse(text: str) -> DataType:
        """The type that `str` tells."""
        kind, _, argument = text.partition(":")
        return DataType(kind, json.loads(argument) if argument else None)

    def __str__(self) -> str:
        return self.kind if self.argument is None else f"{self.kind}:{json.dumps(self.argument)}"

    def __repr__(self) -> str:
        return f"DataType({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataType) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def reader(self) -> Callable[[str], Any]:
        """What makes a value of a text that is not null, or raises ValueError."""
        if self.kind == FLOAT and self.argument == ",":
            return _float_with_comma
        if self.kind == DATETIME and self.argument:
            return _by_formats(self.argument)
        return _READERS[self.kind]


def check_types(types: Any) -> Dict[str, str]:
    """`set_column_types` as a definition keeps it.

    Raises:
        UserErrorException: it is no dict of names to DataType (v1-behaviours 13.4), with all that is wrong.
    """
    if types is None:
        return {}
    if not isinstance(types, dict):
        raise UserErrorException(
            f"set_column_types must be a dict of column names to DataType, got {type(types).__name__}."
        )
    wrong = [f"{name!r}: {kind!r}" for name, kind in types.items() if not isinstance(name, str) or not _is_type(kind)]
    if wrong:
        raise UserErrorException(
            f"set_column_types must be a dict of column names to DataType, got {', '.join(wrong)}.",
            hint="such as {'price': DataType.to_float()}.",
        )
    return {name: str(kind) for name, kind in types.items()}


def read_iso(text: str) -> datetime:
    """A time of ISO 8601 as UTC without a zone; a time that says no offset is taken for UTC. Cut to microseconds.

    Raises:
        ValueError: it is none.
    """
    found = _ISO.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no time")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    read = datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int(fraction[:6].ljust(6, "0")) if fraction else 0,
    )
    if zone and zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        return read + offset if zone[0] == "-" else read - offset
    return read


def has_zone(text: str) -> bool:
    """Whether a time of ISO 8601 says its offset."""
    found = _ISO.match(text.strip())
    return found is not None and found.group(8) is not None


def _is_type(kind: Any) -> bool:
    return isinstance(kind, DataType) and kind.kind in _READERS


def _read_long(text: str) -> int:
    if not _LONG.match(text):
        raise ValueError(f"{text!r} is no whole number")
    found = int(text)
    if not -INT64 <= found < INT64:
        raise ValueError(f"{text!r} is out of range")
    return found


def _read_float(text: str) -> float:
    if "_" in text:
        raise ValueError(f"{text!r} is no number")
    return float(text)


def _float_with_comma(text: str) -> float:
    return _read_float(text.replace(".", "").replace(",", "."))


def _read_bool(text: str) -> bool:
    folded = text.strip().lower()
    if folded in TRUE_TEXTS:
        return True
    if folded in FALSE_TEXTS:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def _by_formats(formats: List[str]) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        for form in formats:
            try:
                found = datetime.strptime(text.strip(), form)
            except ValueError:
                continue
            offset = found.utcoffset()
            return found if offset is None else found.replace(tzinfo=None) - offset
        return read_iso(text)

    return read


_READERS: Dict[str, Callable[[str], Any]] = {
    STRING: str,
    LONG: _read_long,
    FLOAT: _read_float,
    BOOL: _read_bool,
    DATETIME: read_iso,
    DATETIME_WITH_ZONE: read_iso,
    RECORD: json.loads,
}
