"""Metrics as lines: what goes in comes out, however the bytes are cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.base.errors import InvalidInput
from amlet.domain.metric import LIST, ROW, SCALAR
from amlet.wire.metric_lines import MetricLine, read_lines, write_line
from amlet.wire.runs import Metrics

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
LINES = st.one_of(
    st.builds(MetricLine, st.text(), st.just(SCALAR), st.lists(SCALARS)),
    st.builds(MetricLine, st.text(), st.just(LIST), st.lists(st.lists(SCALARS))),
    st.builds(MetricLine, st.text(), st.just(ROW), st.lists(st.dictionaries(st.text(), SCALARS))),
)


@given(st.lists(LINES), st.integers(1, 50))
def test_lines_make_the_round_trip_however_they_are_cut(lines: list[MetricLine], size: int) -> None:
    body = b"".join(write_line(*line) for line in lines)
    found = list(read_lines(body[start : start + size] for start in range(0, len(body), size)))
    assert repr(found) == repr(lines)  # NaN is not equal to itself


@pytest.mark.parametrize("body", [b"{}\n", b"[]\n", b"<html>\n", b'{"n":"x","k":"scalar","v":[1]}'])
def test_other_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="metrics"):
        list(read_lines([body]))


def test_lines_of_one_metric_become_its_value_and_a_malformed_one_costs_no_other() -> None:
    lines: list[tuple[str, str, list[Any]]] = [
        ("loss", SCALAR, [3]),
        ("rows", ROW, [{"x": 1}]),
        ("loss", SCALAR, [0.5]),
        ("rows", ROW, [{"y": 2}]),
        ("once", SCALAR, ["text"]),
    ]
    found = Metrics.read_from(write_line(*line) for line in lines)
    assert found.values == {"loss": [3.0, 0.5], "rows": {"x": [1, None], "y": [None, 2]}, "once": "text"}
    assert list(found.faults) == ["rows"]
