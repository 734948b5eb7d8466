"""The contract of charts: what of a metric is drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amlet.base.errors import NotFound
from amlet.domain.metric import LIST, SCALAR, Point
from amlet.store.base import Records
from amlet.wire.runs import Chart
from support.records import add_run, write


def log(records: Records, values: list[Any], *, batch: int = 50_000, run_id: str = "r1") -> None:
    add_run(records, run_id)
    for start in range(0, len(values), batch):
        points = [
            Point("loss", SCALAR, value, start + number, 100.0 + start + number)
            for number, value in enumerate(values[start : start + batch])
        ]
        write(records, lambda tx, points=points, start=start: tx.metrics.add("w", run_id, "j", start + 1, points))


def chart(records: Records, points: int = 1000, run_id: str = "r1") -> Chart:
    return records.read(lambda tx: tx.metrics.chart("w", run_id, "loss", points))


def is_in_order(found: Chart) -> bool:
    return found.place == sorted(set(found.place)) and len(found.place) == len(found.value) == len(found.time_s)


def test_few_points_are_drawn_as_they_are(records: Records) -> None:
    log(records, [3.0, 1, math.nan, -math.inf, 2.5])
    found = chart(records)
    assert (found.place, found.step, found.total) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], 5)
    assert repr(found.value) == repr([3.0, 1.0, math.nan, -math.inf, 2.5])
    assert found.time_s == [100.0, 101.0, 102.0, 103.0, 104.0]


def test_what_is_no_number_is_not_drawn_but_counted(records: Records) -> None:
    add_run(records, "r1")
    values: list[Any] = [True, "text", None, 1, 10**400]
    points = [Point("loss", SCALAR, value, None, 1.0) for value in values]
    points.append(Point("loss", LIST, [1, 2], None, 1.0))
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 1, points))
    found = chart(records)
    assert (found.place, found.value, found.step, found.total) == ([3, 4], [1.0, math.inf], [None, None], 6)


def test_an_unknown_metric_or_run_is_not_found(records: Records) -> None:
    add_run(records, "r1")
    with pytest.raises(NotFound, match="loss"):
        chart(records)
    with pytest.raises(NotFound, match="nope"):
        chart(records, run_id="nope")


@pytest.mark.parametrize("count", [5000, 300_000])
def test_the_extremes_and_ends_of_a_long_metric_are_drawn(records: Records, count: int) -> None:
    values = [math.sin(number / 500) for number in range(count)]
    spikes = {7: 9.0, count // 3: -8.0, count // 2: 7.0, count - 5: -9.0}
    for place, value in spikes.items():
        values[place] = value
    log(records, values)
    found = chart(records, 200)
    assert is_in_order(found)
    assert 200 <= len(found.place) <= 402
    assert (found.place[0], found.place[-1], found.total) == (0, count - 1, count)
    for place, value in spikes.items():
        assert found.value[found.place.index(place)] == value
    assert all(found.value[n] == values[place] for n, place in enumerate(found.place))
    assert found.step == found.place
    assert found.time_s == [100.0 + place for place in found.place]
    assert max(b - a for a, b in zip(found.place, found.place[1:], strict=False)) <= 2 * count / 200


@pytest.mark.parametrize("count", [6000, 280_000])
def test_nan_and_infinities_of_a_long_metric_are_kept_and_hide_nothing(records: Records, count: int) -> None:
    values = [float(number % 1000) for number in range(count)]
    odd = {100: math.nan, 101: math.inf, 102: -math.inf, count - 100: math.nan}
    for place, value in odd.items():
        values[place] = value
    values[50], values[51] = 5000.0, -5000.0
    log(records, values)
    found = chart(records, 100)
    assert is_in_order(found)
    assert len(found.place) <= 202
    assert {*odd, 50, 51} <= set(found.place)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=2)), max_size=80),
    repeats=st.integers(1, 200),
    points=st.integers(1, 40),
)
def test_a_chart_keeps_to_its_size_and_holds_least_and_greatest(
    records: Records, values: list[Any], repeats: int, points: int
) -> None:
    run_id = f"r{len(records.read(lambda tx: tx.runs.with_status(['Queued'])))}"
    log(records, values * repeats, run_id=run_id, batch=3000)
    if not values:
        return
    found = chart(records, points, run_id)
    numbers = [(n, float(v)) for n, v in enumerate(values * repeats) if type(v) in (int, float)]
    assert is_in_order(found)
    assert found.total == len(values) * repeats
    assert len(found.place) <= min(len(numbers), 2 * points + 5)
    assert all(repr(dict(numbers)[place]) == repr(value) for place, value in zip(found.place, found.value, strict=True))
    finite = [value for _, value in numbers if math.isfinite(value)]
    if finite:
        drawn = [value for value in found.value if math.isfinite(value)]
        assert (min(drawn), max(drawn)) == (min(finite), max(finite))
    odd = {repr(value) for _, value in numbers if not math.isfinite(value)}
    assert odd == {repr(value) for value in found.value if not math.isfinite(value)}
