"""The model of a no-code service: called by rows and a method's name."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples")
"""What a request may call, where the model has it; nothing else of an object from a pickle is reachable by name."""


class ModelNotLoaded(Exception):
    """The model cannot be served: one sentence, and the traceback when loading it raised."""

    def __init__(self, sentence: str, trace: Optional[str] = None) -> None:
        super().__init__(sentence)
        self.trace = trace


class BadRows(Exception):
    """The rows cannot be what the model was trained on; says what was expected."""


class Named(NamedTuple):
    """Rows of a model of named columns. The table is made when the model is called, once for all rows of a call."""

    names: Tuple[str, ...]
    rows: List[List[Any]]
    types: Optional[Tuple[type, ...]]
    """Of every row's values; None where rows differ, or a value is one whose column's type depends on the others."""


class ScoringModel:
    """A fitted estimator behind the allow-list. Calls block, and are as thread-safe as the estimator's own."""

    def __init__(self, estimator: Any, *, method: Optional[str] = None, notes: Tuple[str, ...] = ()) -> None:
        """
        Args:
            method: What a request calls that names none.

        Raises:
            ModelNotLoaded: if there is nothing to call, or not that method.
        """
        self.methods: List[str] = [name for name in METHODS if _has(estimator, name)]
        if not self.methods:
            raise ModelNotLoaded(
                f"The model's file holds an object of type {type(estimator).__name__!r}, which has none of the methods "
                f"that a service can call ({', '.join(METHODS)})."
            )
        # v1-behaviours 15.4.
        self.default_method = next((name for name in ("predict_proba", "predict") if name in self.methods), "")
        self.default_method = method or self.default_method or self.methods[0]
        if self.default_method not in self.methods:
            raise ModelNotLoaded(f"The model has no method {method!r}; it has {', '.join(self.methods)}.")
        self.n_features: Optional[int] = _attribute(estimator, "n_features_in_", int)
        self.feature_names: Optional[List[str]] = _attribute(estimator, "feature_names_in_", _texts)
        self.row_shape: Optional[Tuple[Optional[int], ...]] = _attribute(estimator, "row_shape_", tuple)
        """Of a model whose rows are lists in lists: their sizes, the outermost first; None where any size will do."""
        self.estimator = estimator
        self.twin: Any = None
        """A `Twin` that answers some methods in the estimator's place."""
        self._notes = notes
        self._numpy: Any = _module("numpy")
        # Half a second and 50 MB that most models do not need.
        self._pandas: Any = None if self.feature_names is None else _module("pandas")

    def facts(self) -> Dict[str, Any]:
        """What the service says of its model; JSON."""
        scikit = _module("sklearn")
        return {
            "model": type(self.estimator).__name__,
            "methods": self.methods,
            "default_method": self.default_method,
            "n_features": self.n_features,
            "feature_names": self.feature_names,
            "sklearn": getattr(scikit, "__version__", None),
            "warnings": list(self._notes),
        }

    def table(self, data: Any) -> Any:
        """The rows of a request as the model takes them: an array, a DataFrame, or a list of texts.

        Raises:
            BadRows: if they are no rows, or too wide or too narrow.
        """
        if not isinstance(data, list):
            raise BadRows(f"'data' is {_noun(data)}; {self._expected()}.")
        if not data:
            raise BadRows(f"'data' holds no row; {self._expected()}.")
        if self.row_shape is not None:
            return self._nested(data, self.row_shape)
        if isinstance(data[0], dict):
            return self._from_records(data)
        if isinstance(data[0], list):
            return self._from_lists(data)
        # A vectorizer takes a list of texts, and knows no number of features.
        known = self.n_features is not None or self.feature_names is not None
        for number, row in enumerate(data):
            if known or not isinstance(row, str):
                raise BadRows(f"data[{number}] is {_noun(row)}; {self._expected()}.")
        return data

    def together(self, table: Any) -> Optional[Tuple[Any, ...]]:
        """What tables must have in common to be stacked: as rows of one table each then is what it is alone."""
        if isinstance(table, Named):
            return None if table.types is None else (table.names, table.types)
        if isinstance(table, list):
            return (str,)
        # An array of integers and one of floats would become floats together; objects, texts or floats by the others.
        return (table.dtype.str, *table.shape[1:]) if table.dtype.kind in "fiu" else None

    def stacked(self, tables: List[Any]) -> Any:
        """Tables that have that in common as one."""
        if isinstance(tables[0], Named):
            return tables[0]._replace(rows=[row for table in tables for row in table.rows])
        if isinstance(tables[0], list):
            return [text for table in tables for text in table]
        return self._numpy.concatenate(tables)

    def call(self, method: str, table: Any) -> Any:
        """The method's result as JSON has it: lists of numbers, texts, booleans.

        Raises:
            Exception: whatever the estimator raises.
        """
        if self.twin is not None and method in self.twin.methods:
            cast = self.twin.takes(table)
            if cast is not None:
                return self.plain(self.twin.call(method, cast))
        return self.plain(getattr(self.estimator, method)(self.given(table)))

    def given(self, table: Any) -> Any:
        """The table as the estimator is given it."""
        if isinstance(table, Named):
            # It was trained on a table with these names, and may look columns up by them.
            return self._pandas.DataFrame(table.rows, columns=list(table.names))
        return table

    @staticmethod
    def plain(result: Any) -> Any:
        """What a method gave, as JSON has it."""
        return _plain(result)

    def _from_lists(self, rows: List[Any]) -> Any:
        width = self.n_features or len(rows[0])
        for number, row in enumerate(rows):
            if not isinstance(row, list):
                raise BadRows(f"data[{number}] is {_noun(row)}; {self._expected()}.")
            if len(row) != width:
                raise BadRows(f"data[{number}] has {_count(len(row), 'value')}; {self._expected(width)}.")
        if self.feature_names is not None and self._pandas is not None:
            return _named(self.feature_names, rows)
        return self._array(rows)

    def _from_records(self, rows: List[Any]) -> Any:
        names = self.feature_names or list(rows[0])
        self._pandas = self._pandas or _module("pandas")
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                raise BadRows(f"data[{number}] is {_noun(row)}; data[0] is an object, so that all must be objects.")
            missing = [name for name in names if name not in row]
            if missing:
                raise BadRows(f"data[{number}] has no {missing[0]!r}; {self._expected()}.")
        if self.feature_names is None:
            if self._pandas is None:
                raise BadRows("the model was trained without column names: send each row as a list of values.")
            if self.n_features is not None and len(names) != self.n_features:
                raise BadRows(f"data[0] has {_count(len(names), 'value')}; {self._expected()}.")
        lists = [[row[name] for name in names] for row in rows]
        return self._array(lists) if self._pandas is None else _named(names, lists)

    def _array(self, rows: List[List[Any]]) -> Any:
        array = None
        with contextlib.suppress(ValueError, OverflowError):  # lists within some rows: told below
            array = self._numpy.array(rows)
        if array is None or array.ndim != 2:
            raise BadRows(f"a value of a row is itself a list or an object; {self._expected()}.")
        if array.dtype.kind == "O":
            # A null among numbers is a missing value.
            return self._floats(rows, array)
        # Among texts NumPy would have made texts of the numbers too.
        return self._numpy.array(rows, dtype=object) if array.dtype.kind in "US" else array

    def _nested(self, data: List[Any], shape: Tuple[Optional[int], ...]) -> Any:
        array = None
        with contextlib.suppress(ValueError, OverflowError):  # lists of several lengths
            array = self._numpy.array(data)
        if array is None or array.dtype.kind not in "fiub":
            raise BadRows(f"rows are not all of one shape, or a value is no number; {self._expected()}.")
        found = array.shape[1:]
        if len(found) != len(shape) or any(want not in (None, size) for want, size in zip(shape, found)):
            raise BadRows(f"rows have the shape {_shape(found)}; {self._expected()}.")
        return array

    def _floats(self, rows: List[List[Any]], array: Any) -> Any:
        if any(isinstance(value, str) for row in rows for value in row):
            return array
        try:
            return array.astype(float)
        except (TypeError, ValueError, OverflowError):
            raise BadRows(f"a value of a row is neither a number, a text nor null; {self._expected()}.") from None

    def _expected(self, width: Optional[int] = None) -> str:
        if self.row_shape is not None:
            return f"expected a list of rows of numbers of the shape {_shape(self.row_shape)}"
        count = self.n_features or width
        if count is None:
            return "expected a list of rows, each a list of values or an object"
        names = ""
        if self.feature_names:
            shown = ", ".join(self.feature_names[:10])
            names = f" ({shown}{', ...' if len(self.feature_names) > 10 else ''})"
        return f"expected a list of rows of {_count(count, 'value')} each{names}"


def _named(names: List[str], rows: List[List[Any]]) -> Named:
    first = tuple(map(type, rows[0]))
    is_plain = all(kind in _COLUMN_TYPES for kind in first) and all(tuple(map(type, row)) == first for row in rows)
    # Larger ones make a column of another type.
    is_plain = is_plain and not any(type(value) is int and abs(value) > _LARGEST for row in rows for value in row)
    return Named(tuple(names), rows, first if is_plain else None)


_COLUMN_TYPES = (int, float, str, bool)
_LARGEST = 2**53


def _has(estimator: Any, name: str) -> bool:
    # Such as SVC's predict_proba, a property that raises when the model was trained without it.
    return callable(_attribute(estimator, name, lambda method: method)) and not isinstance(estimator, type)


def _attribute(estimator: Any, name: str, convert: Any) -> Any:
    try:
        return convert(getattr(estimator, name))
    except Exception:  # noqa: BLE001 - properties of a foreign class; what raises is not there
        return None


def _texts(names: Any) -> Optional[List[str]]:
    listed = list(names)
    return [str(name) for name in listed] if all(isinstance(name, str) for name in listed) else None


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _plain(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return [_plain(item) for item in result]  # several outputs have an array each
    if hasattr(result, "toarray"):
        result = result.toarray()
    if hasattr(result, "to_numpy"):
        result = result.to_numpy()
    return result.tolist() if hasattr(result, "tolist") else result


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shape(sizes: Tuple[Optional[int], ...]) -> str:
    """`[3, 224, any]`."""
    return "[" + ", ".join("any" if size is None else str(size) for size in sizes) + "]"


def _noun(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
