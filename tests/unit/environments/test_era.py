"""The era rule, on Pythons that are only names."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.base.errors import EnvironmentFailed, InvalidInput
from amlet.environments import era
from amlet.environments.pythons import Python


def python(minor: int) -> Python:
    path = Path(f"/python3.{minor}")
    return Python(path, (3, minor, 1), path)


def chosen(asked: str | None, *minors: int, own: int = 11) -> tuple[int, str | None, bool]:
    choice = era.choose(asked, [python(minor) for minor in minors], (3, own))
    return choice.python.minor[1], choice.as_of, choice.relaxed


@pytest.mark.parametrize(
    ("asked", "at_hand", "minor", "as_of", "relaxed"),
    [
        ("3.6.2", (8, 9, 10, 11, 12), 8, "2020-10-15", True),  # v1-behaviours 0.2
        ("3.6.2", (11,), 11, "2022-12-01", True),
        ("3.6.2", (10, 13), 10, "2022-12-01", True),
        ("3.7", (9, 13), 9, "2021-10-01", True),
        ("3.8", (8, 11), 8, "2020-10-15", False),
        ("3.8.13", (8, 11), 8, "2020-10-15", False),
        ("3.9.*", (8, 9), 9, "2021-10-01", False),
        ("3.9", (8, 10), 10, "2022-12-01", True),
        ("=3.8", (8,), 8, "2020-10-15", False),
        ("3.8.5=h7579374_1", (8,), 8, "2020-10-15", False),
    ],
)
def test_an_old_python_gets_the_nearest_at_hand_and_its_era(asked, at_hand, minor, as_of, relaxed) -> None:
    assert chosen(asked, *at_hand) == (minor, as_of, relaxed)


@pytest.mark.parametrize(
    ("asked", "at_hand", "minor", "relaxed"),
    [("3.10.18", (8, 10, 11), 10, False), ("3.12", (8, 11), 11, True), ("3.14", (11, 12, 13), 13, True)],
)
def test_a_newer_python_gets_todays_packages(asked, at_hand, minor, relaxed) -> None:
    assert chosen(asked, *at_hand) == (minor, None, relaxed)


def test_a_spec_without_a_python_gets_the_one_that_runs_us() -> None:
    assert chosen(None, 8, 11, 12, own=11) == (11, None, False)


@pytest.mark.parametrize(
    ("asked", "minor", "as_of"),
    [
        (">=3.6", 11, None),
        (">=3.6,<3.10", 9, "2021-10-01"),
        ("<3.9", 8, "2020-10-15"),
        ("~=3.8", 11, None),
        (">3.11", 12, None),
    ],
)
def test_of_a_range_our_own_python_is_taken_else_the_newest_at_hand(asked, minor, as_of) -> None:
    assert chosen(asked, 8, 9, 11, 12)[:2] == (minor, as_of)


def test_without_a_python_of_the_era_the_error_says_which_were_found() -> None:
    with pytest.raises(EnvironmentFailed, match=r"python=3\.6\.2 .* found: 3\.12\.1, 3\.13\.1"):
        chosen("3.6.2", 12, 13)


def test_no_python_at_all_is_an_error() -> None:
    with pytest.raises(EnvironmentFailed, match="No Python"):
        chosen(None)


@pytest.mark.parametrize("asked", ["2.7", "three", "<3.2", "4.0"])
def test_what_is_no_python_3_is_bad_input(asked) -> None:
    with pytest.raises(InvalidInput):
        chosen(asked, 11)


@pytest.mark.parametrize(
    ("at_hand", "minor", "as_of"),
    [
        ((12,), 12, "2024-02-15"),
        ((12, 13), 12, "2024-02-15"),
        ((13,), 13, "2024-12-15"),
        ((14,), 14, None),
        ((8, 12), 8, "2020-10-15"),
    ],
)
def test_for_a_curated_name_a_newer_python_may_stand_in(at_hand, minor, as_of) -> None:
    choice = era.choose("3.7", [python(number) for number in at_hand], (3, 12), newer_too=True)
    assert (choice.python.minor[1], choice.as_of, choice.relaxed) == (minor, as_of, True)
    assert (as_of or "today's packages") in choice.note
    assert "past its end of life" in choice.note


def test_the_day_of_a_curated_name_holds_unless_its_python_calls_for_a_later_one() -> None:
    for asked in ("3.10", "3.12", None):
        choice = era.choose(asked, [python(10)], (3, 10), day="2024-12-01")
        assert choice.as_of == "2024-12-01"
    assert era.choose("3.8", [python(8)], (3, 10), day="2021-06-15").as_of == "2021-06-15"
    assert era.choose("3.8", [python(11)], (3, 11), day="2021-06-15").as_of == "2022-12-01"


@pytest.mark.parametrize(
    ("asked", "at_hand", "minor"),
    [
        (None, (11,), None),
        ("3.11", (11,), None),
        (">=3.8", (11,), None),
        ("3.12", (11,), 12),
        ("3.8", (11,), 8),
        (">=3.9,<3.11", (11,), 10),
        ("3.6.2", (11,), None),  # 3.11 stands in for it as well as 3.8 would
        ("3.6.2", (12, 13), 8),
    ],
)
def test_a_python_is_worth_fetching_where_the_spec_names_it_and_it_is_not_there(asked, at_hand, minor) -> None:
    found = era.worth_fetching(asked, [python(number) for number in at_hand], (3, 11))
    assert found == (None if minor is None else (3, minor))
