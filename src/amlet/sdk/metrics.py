"""What may be logged, and as what it is kept (v1-behaviours 4.1-4.6, 19a-b). NumPy is never imported for it."""

from __future__ import annotations

import operator
import sys
from types import FunctionType, GeneratorType
from typing import Any, Dict, List, Mapping, Optional

from amlet.sdk.exceptions import AzureMLException, UserErrorException

CELL_LIMIT_BYTES = 64
"""`sys.getsizeof` of a number in a list or row: v1 refuses larger ones (v1-behaviours 4.4)."""

TEXT_LIMIT = 1_000_000
"""Characters of a text that are kept: a line of a journal must stay within what the server takes at once."""

GENERATOR_FLAG = 0x20


class NotScalar(AzureMLException):
    """A value of a list, row or table that is no number, text, boolean or None."""


def scalar(value: Any) -> Any:
    """A value of `run.log` as float, int, bool, str or None.

    NumPy's numbers, of any width, and other scalars that know their number become numbers. Anything else becomes its
    `repr`, as in v1.

    Raises:
        UserErrorException: for a list, a range or a generator.
    """
    is_generator = isinstance(value, FunctionType) and value.__code__.co_flags & GENERATOR_FLAG
    if is_generator or isinstance(value, (list, range, GeneratorType)):
        raise UserErrorException("run.log does not support list type. Use run.log_list instead.")
    found = _plain(value)
    return repr(value)[:TEXT_LIMIT] if found is _NOT_PLAIN else found


def values_of(name: str, value: Any) -> List[Any]:
    """The values of `run.log_list`. An empty list stays one.

    Raises:
        UserErrorException: for what is no sequence of values.
        AzureMLException: for a value that is no scalar, or an over-long number.
    """
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise UserErrorException(f"run.log_list takes a list of values for {name!r}, not {_shown(value)}.")
    return [item if type(item) is float else cell(name, item) for item in value]


def row_of(name: str, columns: Mapping[str, Any]) -> Dict[str, Any]:
    """The columns of `run.log_row`."""
    return {
        column: value if type(value) is float else cell(name, value)  # spares most cells a call
        for column, value in columns.items()
    }


def table_of(name: str, value: Any) -> Dict[str, Any]:
    """The columns of `run.log_table`: each a list of values, or all of them single values.

    Raises:
        UserErrorException: for what is no dict.
        AzureMLException: for columns of unequal length (v1-behaviours 4.5).
    """
    if not isinstance(value, Mapping):
        raise UserErrorException(f"run.log_table takes a dict of columns for {name!r}, not {_shown(value)}.")
    columns: Dict[str, Any] = {}
    lengths: Dict[str, int] = {}
    for column, content in value.items():
        if isinstance(content, (str, bytes)) or not hasattr(content, "__iter__"):
            columns[str(column)] = cell(name, content)
            lengths[str(column)] = 1
        else:
            columns[str(column)] = [item if type(item) is float else cell(name, item) for item in content]
            lengths[str(column)] = len(columns[str(column)])
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{column}: {length}" for column, length in lengths.items())
        raise AzureMLException(f"The columns of table {name!r} must have one length; they have {told}.")
    return columns


def cell(name: str, value: Any) -> Any:
    """One value of a list, row or table.

    Raises:
        AzureMLException: for what is no scalar, or a number that is too long.
    """
    found = _plain(value)
    if found is _NOT_PLAIN:
        raise NotScalar(f"{name!r} cannot hold {_shown(value)}: values are numbers, texts, booleans or None.")
    if isinstance(found, (int, float)) and sys.getsizeof(found) > CELL_LIMIT_BYTES:
        raise AzureMLException(f"A number of {name!r} is too long: {str(found)[:30]}...")
    return found


def step_of(value: Any) -> Optional[int]:
    """The step of a value as an int.

    Raises:
        UserErrorException: for what is no whole number.
    """
    if value is None or type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return operator.index(value)
    except TypeError:
        raise UserErrorException(f"step must be a whole number, not {_shown(value)}.") from None


_NOT_PLAIN = object()


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is float or kind is int or kind is bool or value is None:
        return value
    if kind is str:
        return value if len(value) <= TEXT_LIMIT else value[:TEXT_LIMIT]
    if getattr(value, "shape", ()) != ():
        return _NOT_PLAIN  # an array, also one of length one, is no scalar
    if kind.__name__.startswith("bool") and kind.__module__ == "numpy":
        return bool(value)
    if isinstance(value, str):
        return str.__str__(value)[:TEXT_LIMIT]
    for convert in (operator.index, float):
        try:
            if convert is operator.index or hasattr(kind, "__float__"):
                return _number(convert(value))
        except (TypeError, ValueError, OverflowError, RuntimeError):
            continue
    return _NOT_PLAIN


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, int) else float(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text[:60]}{'...' if len(text) > 60 else ''}"
