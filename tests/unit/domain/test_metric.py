"""What `get_metrics` makes of points."""

from __future__ import annotations

import pytest

from amlet.domain.metric import LIST, ROW, SCALAR, TABLE, MalformedMetric, Point, collate, collated


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


def test_what_can_be_read_of_a_malformed_metric_is_read_and_the_fault_told():  # complaint 4
    found = collated(_points(ROW, {"x": 1, "y": 2}, {"y": 3, "z": 4}, {"x": 5, "y": 6}))
    assert found.value == {"x": [1, None, 5], "y": [2, 3, 6], "z": [None, 4, None]}
    assert found.fault == "Malformed metric value: rows of 'm' have different columns, ['x', 'y'] and ['y', 'z']."
    assert collated(_points(ROW, {"x": 1}, {"x": 2})).fault is None


def test_tables_of_different_columns_keep_their_rows_in_line():
    found = collated([*_points(TABLE, {"x": [1, 2]}, {"y": [3, 4, 5]}), *_points(ROW, {"x": 6})])
    assert found.value == {"x": [1, 2, None, None, None, 6], "y": [None, None, 3, 4, 5, None]}


def test_a_value_among_rows_is_kept_under_the_metrics_own_name():
    found = collated([*_points(ROW, {"x": 1}), *_points(SCALAR, 0.5), *_points(LIST, [7, 8])])
    assert found.value == {"x": [1, None, None, None], "m": [None, 0.5, 7, 8]}
    assert found.fault is not None
