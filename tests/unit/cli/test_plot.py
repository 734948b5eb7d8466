"""Curves as text."""

from __future__ import annotations

import math

from amlet.cli.plot import plot


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right():
    told = plot([0, 1, 2, 3], [0.0, 1.0, 2.0, 3.0], columns=20, rows=4, braille=False)
    curve = [line[12:].ljust(8) for line in told[:4]]
    assert (curve[0][-1], curve[3][0]) == ("*", "*")
    assert (curve[0][0], curve[3][-1]) == (" ", " ")
    assert (told[0].split()[0], told[3].split()[0]) == ("3", "0")
    assert told[4].split() == ["0", "3"]


def test_braille_takes_the_place_of_asterisks():
    told = plot([0, 1], [0.0, 1.0], columns=20, rows=2)
    assert any(0x2800 < ord(letter) < 0x2900 for letter in "".join(told))


def test_what_is_no_number_leaves_a_gap():
    told = plot([0, 1, 2], [1.0, math.nan, 1.0], columns=20, rows=3, braille=False)
    assert [line.count("*") for line in told[:-1]] == [0, 2, 0]


def test_one_point_and_equal_values_and_huge_ones_are_drawn():
    assert sum(line.count("*") for line in plot([7], [0.5], columns=20, braille=False)) == 1
    assert "*" in "".join(plot([0, 1], [-1.7e308, 1.7e308], columns=20, braille=False))


def test_nothing_finite_is_said():
    assert plot([0, 1], [math.inf, math.nan]) == ["no finite values to draw"]
