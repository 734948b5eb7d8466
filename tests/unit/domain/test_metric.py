"""What `get_metrics` makes of points."""

from __future__ import annotations

import pytest

from amlet.domain.metric import LIST, ROW, SCALAR, TABLE, MalformedMetric, Point, collate


def _points(kind, *values):
    return [Point("m", kind, value, None, float(number)) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("points", "value"),
    [
        (_points(SCALAR, 0.5), 0.5),
        (_points(SCALAR, 1, 2, 3), [1, 2, 3]),
        (_points(SCALAR, 1, 2.5), [1.0, 2.5]),  # v1-behaviours 4.6
        (_points(SCALAR, "a", None, True), ["a", None, True]),
        (_points(LIST, [1, 2]), [1, 2]),
        (_points(LIST, [7]), 7),
        (_points(LIST, []), []),  # v1-behaviours 19b
        (_points(LIST, [1], [2, 3]), [1, 2, 3]),
        (_points(ROW, {"x": 1, "y": 2}), {"x": 1, "y": 2}),
        (_points(ROW, {"x": 1}, {"x": 2}), {"x": [1, 2]}),
        (_points(TABLE, {"x": [1, 2], "y": ["a", "b"]}), {"x": [1, 2], "y": ["a", "b"]}),
        (_points(TABLE, {"x": 1, "y": 2}), {"x": 1, "y": 2}),
        (_points(TABLE, {}), {}),
    ],
)
def test_points_take_the_shape_that_v1_gave_them(points, value):  # v1-behaviours 4.5
    assert collate(points) == value


def test_rows_with_different_columns_are_malformed():  # v1-behaviours 4.5
    with pytest.raises(MalformedMetric, match="Malformed metric value"):
        collate(_points(ROW, {"x": 1}, {"y": 2}))
