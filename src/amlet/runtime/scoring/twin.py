"""An ONNX twin of a scikit-learn model, which answers in its place where both agree. A deployment asks for it."""

from __future__ import annotations

import importlib
import random
import warnings
from typing import Any, List, NamedTuple, Optional, Sequence

from amlet.runtime.scoring.exchange import json_bytes
from amlet.runtime.scoring.made_up_rows import made_up_rows
from amlet.runtime.scoring.model import ModelNotLoaded, Named, ScoringModel
from amlet.runtime.scoring.onnx_model import OnnxModel
from amlet.runtime.scoring.rowwise import largest_difference

METHODS = ("predict", "predict_proba")
TOLERANCE = 1e-4
"""How far a float of the twin's may be from the model's, relative to 1 or the larger: its own are 32 bits wide."""
ROWS = 256
THRESHOLD_ROWS = 256


class Agreement(NamedTuple):
    """How a twin compares with its model."""

    methods: List[str]
    """What it answers; none: it is not used."""
    told: str
    """A sentence for the log."""
    largest: float = 0.0


class Twin:
    """Answers `methods` for numbers that are all finite; for anything else the model itself is asked."""

    def __init__(self, session: OnnxModel, methods: Sequence[str], width: str) -> None:
        self.methods = frozenset(methods)
        self._session = session
        self._width = width
        self._numpy = importlib.import_module("numpy")

    def takes(self, table: Any) -> Any:
        """The table as the twin takes it; None: ask the model."""
        if isinstance(table, Named):
            if table.types is None or not all(kind in (int, float) for kind in table.types):
                return None
            table = table.rows
        elif isinstance(table, list) or table.dtype.kind not in "fiu":
            return None
        # What the model would refuse (a NaN, a number too large) is the model's to refuse.
        with self._numpy.errstate(over="ignore"):
            cast = self._numpy.asarray(table, dtype=self._width)
        return cast if self._numpy.isfinite(cast).all() else None

    def call(self, method: str, cast: Any) -> Any:
        return getattr(self._session, method)(cast)


def accelerate(model: ScoringModel, samples: Optional[List[Any]]) -> Agreement:
    """Give a model its twin, if one can be made and agrees on the samples and on rows that are made up.

    Labels must be equal, and floats nearly so.
    """
    estimator = model.estimator
    if model.n_features is None:
        return Agreement([], "Not accelerated: the model does not tell how many numbers it takes.")
    wanted = [method for method in METHODS if method in model.methods]
    reason = "it has neither predict nor predict_proba"
    # Trees of scikit-learn compare in 32 bits, most others in 64.
    for width, kind in (("float32", "FloatTensorType"), ("float64", "DoubleTensorType")) if wanted else ():
        try:
            session = _session(estimator, kind, model.n_features)
        except ImportError as error:
            package = error.name or "skl2onnx"
            return Agreement(
                [], f"Not accelerated: add `- skl2onnx` and `- onnxruntime` to the environment ({package})."
            )
        except Exception as error:  # noqa: BLE001 - a converter of another project meets a class of a third
            first = (str(error).strip() or "no message").splitlines()[0][:300]
            reason = f"it could not be converted: {type(error).__name__}: {first}"
            continue
        methods = [method for method in wanted if hasattr(session, method)]
        twin = Twin(session, methods, width)
        rows = (samples or []) + _rows(model)
        found = _compare(model, twin, methods, rows)
        if isinstance(found, float):
            model.twin = twin
            told = f"Accelerated: {' and '.join(methods)} answered by an ONNX twin in {width}; "
            told += f"on {len(rows)} rows labels are equal, and the largest difference of floats is {found:.1e}."
            return Agreement(methods, told, found)
        reason = found
    return Agreement([], f"Not accelerated: {reason}.")


def _session(estimator: Any, kind: str, width: int) -> OnnxModel:
    skl2onnx = importlib.import_module("skl2onnx")
    importlib.import_module("onnxruntime")
    types = importlib.import_module("skl2onnx.common.data_types")
    is_classifier = hasattr(estimator, "classes_")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = skl2onnx.convert_sklearn(
            estimator,
            initial_types=[("rows", getattr(types, kind)([None, width]))],
            options={id(_last(estimator)): {"zipmap": False}} if is_classifier else None,
        )
        try:
            return OnnxModel(graph.SerializeToString())
        except ModelNotLoaded as error:
            raise ValueError(str(error)) from error


def _last(estimator: Any) -> Any:
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def _compare(model: ScoringModel, twin: Twin, methods: Sequence[str], rows: List[Any]) -> Any:
    """The largest difference of a float; a sentence where the two do not agree."""
    largest = 0.0
    table = model.table(rows)
    cast = twin.takes(table)
    if cast is None:
        return "it takes more than numbers"
    for method in methods:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected, found = model.call(method, table), model.plain(twin.call(method, cast))
        except Exception as error:  # noqa: BLE001 - a foreign class, which may raise anything
            return f"{method} of rows that were made up raised {type(error).__name__}"
        is_labels = method == "predict" and hasattr(model.estimator, "classes_")
        if is_labels and json_bytes(expected) != json_bytes(found):
            one, other = next(pair for pair in zip(expected, found) if json_bytes(pair[0]) != json_bytes(pair[1]))
            return f"the twin answers {other!r} where the model answers {one!r}"
        difference = largest_difference(expected, found)
        if difference > TOLERANCE:
            return f"{method} of the twin differs by {difference:.1e}"
        largest = max(largest, difference)
    return largest


def _rows(model: ScoringModel) -> List[Any]:
    """Made up rows, and for trees some that lie on and beside the values that they compare with."""
    rows = made_up_rows(model, ROWS)
    limits = _thresholds(model.estimator)
    if not limits:
        return rows
    seeded = random.Random(1)  # noqa: S311 - rows to compare, no secret

    def value(column: int) -> float:
        known = limits.get(column)
        return seeded.choice(known) + seeded.choice((0.0, 0.0, 1e-7, -1e-7, 0.1, -0.1)) if known else seeded.gauss(0, 1)

    return rows + [[value(column) for column in range(model.n_features or 0)] for _ in range(THRESHOLD_ROWS)]


def _thresholds(estimator: Any) -> Any:
    """By a column's number, what scikit-learn's trees compare it with."""
    found: Any = {}
    members: List[Any] = [estimator]
    if hasattr(estimator, "estimators_"):
        members = list(getattr(estimator.estimators_, "flat", estimator.estimators_))
    for member in members:
        tree = getattr(member, "tree_", None)
        if tree is not None:
            for column, threshold in zip(tree.feature.tolist(), tree.threshold.tolist()):
                if column >= 0:
                    found.setdefault(column, []).append(threshold)
    return found
