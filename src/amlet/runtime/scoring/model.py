"""The model of a no-code service: loaded from a pickle or joblib file, called by rows and a method's name."""

from __future__ import annotations

import contextlib
import importlib
import traceback
import warnings
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples")
"""What a request may call, where the model has it; nothing else of an object from a pickle is reachable by name."""

SUFFIXES = (".joblib", ".pkl", ".pickle")


class ModelNotLoaded(Exception):
    """The model cannot be served: one sentence, and the traceback when loading it raised."""

    def __init__(self, sentence: str, trace: Optional[str] = None) -> None:
        super().__init__(sentence)
        self.trace = trace


class BadRows(Exception):
    """The rows cannot be what the model was trained on; says what was expected."""


class ScoringModel:
    """A fitted estimator behind the allow-list. Calls block, and are as thread-safe as the estimator's own."""

    def __init__(self, estimator: Any, *, notes: Tuple[str, ...] = ()) -> None:
        self.methods: List[str] = [name for name in METHODS if _has(estimator, name)]
        if not self.methods:
            raise ModelNotLoaded(
                f"The model's file holds an object of type {type(estimator).__name__!r}, which has none of the methods "
                f"that a service can call ({', '.join(METHODS)})."
            )
        # v1-behaviours 15.4.
        self.default_method = next((name for name in ("predict_proba", "predict") if name in self.methods), "")
        self.default_method = self.default_method or self.methods[0]
        self.n_features: Optional[int] = _attribute(estimator, "n_features_in_", int)
        self.feature_names: Optional[List[str]] = _attribute(estimator, "feature_names_in_", _texts)
        self.estimator = estimator
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

    def stacked(self, tables: List[Any]) -> Any:
        """Arrays of one type and width as one."""
        return self._numpy.concatenate(tables)

    def call(self, method: str, table: Any) -> Any:
        """The method's result as JSON has it: lists of numbers, texts, booleans.

        Raises:
            Exception: whatever the estimator raises.
        """
        return _plain(getattr(self.estimator, method)(table))

    def _from_lists(self, rows: List[Any]) -> Any:
        width = self.n_features or len(rows[0])
        for number, row in enumerate(rows):
            if not isinstance(row, list):
                raise BadRows(f"data[{number}] is {_noun(row)}; {self._expected()}.")
            if len(row) != width:
                raise BadRows(f"data[{number}] has {_count(len(row), 'value')}; {self._expected(width)}.")
        if self.feature_names is not None and self._pandas is not None:
            # It was trained on a table with these names, and may look columns up by them.
            return self._pandas.DataFrame(rows, columns=self.feature_names)
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
        return self._array(lists) if self._pandas is None else self._pandas.DataFrame(lists, columns=names)

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

    def _floats(self, rows: List[List[Any]], array: Any) -> Any:
        if any(isinstance(value, str) for row in rows for value in row):
            return array
        try:
            return array.astype(float)
        except (TypeError, ValueError, OverflowError):
            raise BadRows(f"a value of a row is neither a number, a text nor null; {self._expected()}.") from None

    def _expected(self, width: Optional[int] = None) -> str:
        count = self.n_features or width
        if count is None:
            return "expected a list of rows, each a list of values or an object"
        names = ""
        if self.feature_names:
            shown = ", ".join(self.feature_names[:10])
            names = f" ({shown}{', ...' if len(self.feature_names) > 10 else ''})"
        return f"expected a list of rows of {_count(count, 'value')} each{names}"


def load(path: Path) -> ScoringModel:
    """Load a model's file, or the one in a folder.

    Raises:
        ModelNotLoaded: if there is none, or it does not load, or has nothing to call.
    """
    file = _file_in(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = _unpickled(file)
        except Exception as error:  # a pickle may raise anything
            raise ModelNotLoaded(_why(file, error), traceback.format_exc()) from error
    notes = tuple(dict.fromkeys(str(item.message).strip() for item in caught if _is_of_versions(item)))
    return ScoringModel(estimator, notes=notes)


def check_version(trained_with: Optional[str]) -> None:
    """
    Raises:
        ModelNotLoaded: if another version of scikit-learn trained the model than the one that is here.
    """
    found = getattr(_module("sklearn"), "__version__", None)
    if trained_with is not None and found is not None and trained_with != found:
        raise ModelNotLoaded(
            f"scikit-learn {trained_with} trained the model, and {found} would serve it: their answers may differ."
        )


def _file_in(path: Path) -> Path:
    if not path.is_dir():
        if not path.exists():
            raise ModelNotLoaded(f"There is no file {path.name} in the model.")
        return path
    files = sorted(item for item in path.rglob("*") if item.is_file())
    fitting = [item for item in files if item.suffix in SUFFIXES]
    if len(fitting) != 1:
        held = ", ".join(str(item.relative_to(path)) for item in files[:10]) or "nothing"
        raise ModelNotLoaded(
            f"A model without an entry script must be one file that ends in {', '.join(SUFFIXES)}; "
            f"this one holds {held}."
        )
    return fitting[0]


def _unpickled(file: Path) -> Any:
    joblib = _module("joblib")
    if joblib is not None:
        return joblib.load(str(file))  # reads plain pickles as well
    pickle = importlib.import_module("pickle")
    with file.open("rb") as stream:
        return pickle.load(stream)  # this process is made for it: the model's own build, no credentials


def _why(file: Path, error: Exception) -> str:
    reason = f"{file.name} could not be loaded: {type(error).__name__}: {str(error).strip() or 'no message'}"
    if isinstance(error, AttributeError) and "__main__" in str(error):
        return f"{reason.rstrip('.')}; a class of the training script's own must come from a module beside the model."
    return reason if reason.endswith(".") else reason + "."


def _is_of_versions(item: warnings.WarningMessage) -> bool:
    # scikit-learn before 1.3 had no class of its own for it.
    return item.category.__name__ == "InconsistentVersionWarning" or "unpickle estimator" in str(item.message)


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


def _noun(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
