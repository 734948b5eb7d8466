"""Which models answer many rows as they answer each alone: to the last bit, or not in one call."""

from __future__ import annotations

import random
import warnings
from typing import Any, List, Optional

from amlet.runtime.scoring.model import ScoringModel

EXACT = frozenset(
    f"sklearn.{module}.{name}"
    for module, names in {
        "svm": ("SVC", "NuSVC", "SVR", "NuSVR"),
        "tree": ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"),
        "ensemble": (
            "RandomForestClassifier",
            "RandomForestRegressor",
            "ExtraTreesClassifier",
            "ExtraTreesRegressor",
            "GradientBoostingClassifier",
            "GradientBoostingRegressor",
            "HistGradientBoostingClassifier",
            "HistGradientBoostingRegressor",
        ),
    }.items()
    for name in names
)
"""Their arithmetic is row by row. Linear models, whose matrix product depends on the number of rows, are not here: a
rounding could turn a label; nor what looks at other rows, as a function in a pipeline may."""

ROWS = 24


def why_not_together(model: ScoringModel) -> Optional[str]:
    """Why rows of several requests must not share a call; None when they may.

    A model of an exact kind is also asked: generated rows one by one and all at once, every method.
    """
    kind = _public_name(model.estimator)
    if kind not in EXACT:
        return f"{kind} is not known to answer each row by itself to the last bit"
    if model.feature_names is not None or model.n_features is None:
        return "the model takes tables with names"
    rows = model.table(_rows(model.n_features))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in model.methods:
            try:
                together = model.call(method, rows)
                singly = [model.call(method, rows[number : number + 1])[0] for number in range(len(rows))]
            except Exception as error:  # noqa: BLE001 - a foreign class, which may raise anything
                return f"{method} of generated rows raised {type(error).__name__}"
            if together != singly:
                return f"{method} of many rows differs from that of each alone"
    return None


def _rows(width: int) -> List[List[float]]:
    seeded = random.Random(0)  # noqa: S311 - rows to compare, no secret
    return [[seeded.gauss(0, 1) * 10 ** (number % 3) for _ in range(width)] for number in range(ROWS)]


def _public_name(estimator: Any) -> str:
    kind = type(estimator)
    parts = kind.__module__.split(".")
    public = [part for part in parts if not part.startswith("_")][:2]
    return ".".join((*public, kind.__name__))
