"""Conditions on rows: `dataset["price"] > 3`, kept as JSON, held against blocks of rows.

An expression is a list: `["column", name]`, `[operator, left, right]`, `["not", inner]`. A value stands for itself, a
time for `{"time": ISO 8601}`. A comparison with nothing is false, and `!=` true, as in pandas.
"""

from __future__ import annotations

import operator
from datetime import date, datetime, timezone
from typing import Any, Callable, Dict, Iterator, List, Optional

from amlet.sdk.exceptions import UserErrorException

COMPARISONS: Dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXT_TESTS: Dict[str, Callable[[str, str], bool]] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": operator.contains,
}
TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""What each comparison is with its sides exchanged."""


class Expression:
    """A column, or a condition made of columns: for `dataset.filter`. `&`, `|` and `~` join conditions."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, told: List[Any]) -> None:
        self._told = told

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return self._compared("==", other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return self._compared("!=", other)

    def __lt__(self, other: Any) -> Expression:
        return self._compared("<", other)

    def __le__(self, other: Any) -> Expression:
        return self._compared("<=", other)

    def __gt__(self, other: Any) -> Expression:
        return self._compared(">", other)

    def __ge__(self, other: Any) -> Expression:
        return self._compared(">=", other)

    def __and__(self, other: Any) -> Expression:
        return self._joined("and", other)

    def __or__(self, other: Any) -> Expression:
        return self._joined("or", other)

    def __invert__(self) -> Expression:
        return Expression(["not", condition_of(self)])

    def is_null(self) -> Expression:
        """Rows in which the column is empty."""
        return Expression(["is_null", self._told])

    def is_not_null(self) -> Expression:
        """Rows in which the column has a value."""
        return ~self.is_null()

    def starts_with(self, text: str) -> Expression:
        """Rows in which the column's text begins so."""
        return Expression(["starts_with", self._told, str(text)])

    def ends_with(self, text: str) -> Expression:
        """Rows in which the column's text ends so."""
        return Expression(["ends_with", self._told, str(text)])

    def contains(self, text: str) -> Expression:
        """Rows in which the column's text has this in it."""
        return Expression(["contains", self._told, str(text)])

    def __bool__(self) -> bool:
        raise UserErrorException(
            "A condition on a dataset is neither true nor false.", hint="join conditions by &, | and ~ in parentheses."
        )

    def __repr__(self) -> str:
        return f"Expression({self._told!r})"

    def _compared(self, name: str, other: Any) -> Expression:
        return Expression([name, self._told, _value(other)])

    def _joined(self, name: str, other: Any) -> Expression:
        return Expression([name, condition_of(self), condition_of(other)])


def condition_of(expression: Any) -> List[Any]:
    """The JSON of a condition.

    Raises:
        UserErrorException: it is no condition.
    """
    if not isinstance(expression, Expression) or expression._told[0] == "column":
        raise UserErrorException(
            f"{expression!r} is no condition.", hint='a condition is made of columns: dataset["price"] > 3.'
        )
    return expression._told


def columns_of(told: Any) -> Iterator[str]:
    """The columns that an expression asks for."""
    if not isinstance(told, list):
        return
    if told[0] == "column":
        yield told[1]
    else:
        for part in told[1:]:
            yield from columns_of(part)


def literal(value: Any) -> Any:
    """The value that JSON stands for."""
    return read_time(value["time"]) if isinstance(value, dict) else value


def time_value(moment: datetime) -> Dict[str, str]:
    """A time as JSON: in UTC, without a zone."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return {"time": moment.isoformat()}


def read_time(text: str) -> datetime:
    """The time that `time_value` told."""
    return datetime.fromisoformat(text)


def rows_that_match(told: List[Any], columns: Dict[str, List[Any]], count: int) -> List[bool]:
    """Hold a condition against columns of values.

    Raises:
        TypeError: a column cannot be compared with what it is to be compared with.
    """
    name = told[0]
    if name == "not":
        return [not held for held in rows_that_match(told[1], columns, count)]
    if name in ("and", "or"):
        left, right = (rows_that_match(part, columns, count) for part in told[1:])
        if name == "and":
            return [one and other for one, other in zip(left, right)]
        return [one or other for one, other in zip(left, right)]
    values = _side(told[1], columns, count)
    if name == "is_null":
        return [_is_nothing(value) for value in values]
    others = _side(told[2], columns, count)
    if name in TEXT_TESTS:
        test = TEXT_TESTS[name]
        return [isinstance(value, str) and test(value, other) for value, other in zip(values, others)]
    compare, of_nothing = COMPARISONS[name], name == "!="
    return [
        of_nothing if _is_nothing(value) or _is_nothing(other) else bool(_compared(compare, value, other))
        for value, other in zip(values, others)
    ]


def may_match(told: List[Any], bounds: Callable[[str], Optional[List[Any]]]) -> bool:
    """Whether any of some rows can match, told by the least and the greatest value of their columns.

    Args:
        bounds: [least, greatest] of a column, or None where they are not known.
    """
    name = told[0]
    if name == "and":
        return may_match(told[1], bounds) and may_match(told[2], bounds)
    if name == "or":
        return may_match(told[1], bounds) or may_match(told[2], bounds)
    if name not in TURNED or name == "!=":
        return True
    column, value = told[1], told[2]
    if not isinstance(column, list):
        column, value, name = value, column, TURNED[name]
    if not isinstance(column, list) or column[0] != "column" or isinstance(value, list):
        return True
    held = bounds(column[1])
    if held is None:
        return True
    try:
        return _within(name, held[0], held[1], literal(value))
    except TypeError:
        return True


def _within(name: str, least: Any, greatest: Any, value: Any) -> bool:
    if name == "==":
        return bool(least <= value <= greatest)
    return bool(COMPARISONS[name](least if name in ("<", "<=") else greatest, value))


def _compared(compare: Callable[[Any, Any], bool], value: Any, other: Any) -> bool:
    if isinstance(value, str) != isinstance(other, str):
        raise TypeError(f"{value!r} and {other!r} cannot be compared")
    return compare(value, other)


def _side(part: Any, columns: Dict[str, List[Any]], count: int) -> List[Any]:
    if isinstance(part, list):
        return columns[part[1]]
    return [literal(part)] * count


def _is_nothing(value: Any) -> bool:
    return value is None or value != value


def _value(value: Any) -> Any:
    if isinstance(value, Expression):
        if value._told[0] != "column":
            raise UserErrorException("Conditions are joined by &, | and ~, not compared.")
        return value._told
    if isinstance(value, datetime):
        return time_value(value)
    if isinstance(value, date):
        return time_value(datetime(value.year, value.month, value.day))
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, (str, bool, int)) or (isinstance(value, float) and value == value):
        return value
    raise UserErrorException(
        f"A column cannot be compared with {value!r}.", hint="compare with a text, a number, a time or another column."
    )
