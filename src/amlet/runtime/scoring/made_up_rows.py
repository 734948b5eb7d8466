"""Rows that a model takes, made up from what it knows of its columns: to compare its answers before it serves."""

from __future__ import annotations

import random
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from amlet.runtime.scoring.model import ScoringModel

ROWS = 24
FREE_SIZE = 8
"""Of a dimension that may have any size."""


def made_up_rows(model: ScoringModel, count: int = ROWS) -> List[Any]:
    """Numbers of several sizes, and what its encoders know of the columns that they take.

    Texts for a model that knows no number of columns. The same each time.
    """
    if model.row_shape is not None:
        seeded = random.Random(0)  # noqa: S311 - rows to compare, no secret
        return [_nested(seeded, [size or FREE_SIZE for size in model.row_shape]) for _ in range(count)]
    width = len(model.feature_names or ()) or model.n_features
    if width is None:
        return [" ".join(("good", "bad", "day", "no")[: number % 4 + 1]) for number in range(count)]
    known = _values(model.estimator, model.feature_names or [])
    seeded = random.Random(0)  # noqa: S311 - rows to compare, no secret

    def value(column: int, number: int) -> Any:
        if column in known:
            return seeded.choice(known[column])
        return seeded.gauss(0, 1) * 10 ** (number % 3)

    return [[value(column, number) for column in range(width)] for number in range(count)]


def _nested(seeded: random.Random, sizes: List[int]) -> Any:
    return [_nested(seeded, sizes[1:]) for _ in range(sizes[0])] if sizes else seeded.gauss(0, 1)


def _values(estimator: Any, names: List[str]) -> Dict[int, Sequence[Any]]:
    """By a column's number: the categories that an encoder in front of the model knows."""
    found: Dict[int, Sequence[Any]] = {}
    first = estimator.steps[0][1] if hasattr(estimator, "steps") else estimator
    for part, columns in _parts(first, len(names) or getattr(estimator, "n_features_in_", 0)):
        steps = [step for _, step in part.steps] if hasattr(part, "steps") else [part]
        categories = next((step.categories_ for step in steps if hasattr(step, "categories_")), None)
        if categories is None:
            continue
        for column, values in zip(columns, categories):
            number = names.index(column) if isinstance(column, str) and column in names else column
            plain = values.tolist() if hasattr(values, "tolist") else list(values)
            usable = [one for one in plain if one is not None and one == one]  # nothing missing
            if isinstance(number, int) and usable:
                found[number] = usable
    return found


def _parts(first: Any, width: int) -> Iterator[Tuple[Any, Sequence[Any]]]:
    if hasattr(first, "categories_"):
        yield first, range(width)
    for entry in getattr(first, "transformers_", ()):
        if not isinstance(entry[1], str) and isinstance(entry[2], (list, tuple)):
            yield entry[1], entry[2]
