"""Commands that take several runs."""

from __future__ import annotations

import pytest

from amlet.base.errors import NotFound
from amlet.cli.each import each


def fails_at_two(number: int) -> int:
    if number == 2:
        raise NotFound("There is no 2.", hint="take another.")
    return number * 10


def test_what_fails_is_told_and_the_others_are_done(capsys):
    assert each([1, 2, 3], fails_at_two) == ([10, 30], 1)
    assert "There is no 2." in capsys.readouterr().err


def test_the_fault_of_a_single_one_is_raised():
    with pytest.raises(NotFound):
        each([2], fails_at_two)
