"""The figures: medians, ratios, bars."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

from benchmarks.measure import Bar, Figure, Told, interleaved, timed_ms
from benchmarks.turns import by_turns


def figure(ours: list[float], floor: list[float], bar: Bar, *, is_peer: bool = False) -> Figure:
    return Figure("a figure", "ms", ours, "the other side", floor, bar, is_peer=is_peer)


def test_both_sides_take_turns_after_one_pair_that_does_not_count():
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    ours, floor = interleaved(lambda: side("ours"), lambda: side("floor"), pairs=3)

    assert calls == ["ours", "floor"] * 4
    assert (ours, floor) == ([3.0, 5.0, 7.0], [4.0, 6.0, 8.0])


def test_without_warming_up_every_pair_counts():
    calls = iter(range(10))

    assert interleaved(lambda: next(calls), lambda: next(calls), pairs=2, warm=False) == ([0, 2], [1, 3])


def test_a_line_tells_medians_ratio_and_both_spreads():
    line = figure([9, 1, 3], [2, 1, 4], Bar(ratio=1.5)).line()

    assert (line["ours"], line["floor_value"], line["ratio"], line["pairs"]) == (3, 2, 1.5, 3)
    assert (line["ours_spread"], line["floor_spread"]) == ([1, 9], [1, 4])
    assert line["floor"] == "the other side"
    assert line["ok"] is True


def test_a_peer_is_named_as_one():
    line = figure([1], [2], Bar(ratio=1), is_peer=True).line()

    assert line["peer"] == "the other side"
    assert "floor" not in line


@pytest.mark.parametrize(
    ("bar", "holds"),
    [
        (Bar(), True),
        (Bar(ratio=2), True),
        (Bar(ratio=1.9), False),
        (Bar(ours=20), True),
        (Bar(ours=19), False),
        (Bar(over=10), True),
        (Bar(over=9), False),
        (Bar(ours=30, ratio=1), False),
        (Bar(at_least=20), True),
        (Bar(at_least=21), False),
        (Bar(ratio_at_least=2), True),
        (Bar(ratio_at_least=2.1), False),
    ],
)
def test_every_part_of_a_bar_must_hold(bar: Bar, holds: bool):
    assert bar.holds(20, 10) is holds
    assert figure([20], [10], bar).ok is holds


def test_a_bar_is_told_in_words():
    assert Bar(ratio=1, ours=200).text("ms") == "ours <= 200 ms, ratio <= 1"
    assert Bar(over=150).text("ms") == "ours - floor <= 150 ms"
    assert Bar(at_least=5, ratio_at_least=400).text("calls/s") == "ours >= 5 calls/s, ratio >= 400"


def test_time_is_told_in_milliseconds():
    assert 0 <= timed_ms(lambda: None) < 1000


def test_a_line_of_another_program_is_told_as_it_was_with_the_machine():
    told = Told({"name": "page", "ours": 2, "ok": False})

    assert told.ok is False
    assert told.line() == {"name": "page", "ours": 2, "ok": False, "machine": told.line()["machine"]}


def test_any_number_of_sides_take_turns_after_one_that_does_not_count():
    calls: list[str] = []

    def side(name: str) -> int:
        calls.append(name)
        return len(calls)

    told = by_turns([lambda: side("ours"), lambda: side("floor"), lambda: side("peer")], pairs=2)

    assert calls == ["ours", "floor", "peer"] * 3
    assert told == [[4, 7], [5, 8], [6, 9]]
