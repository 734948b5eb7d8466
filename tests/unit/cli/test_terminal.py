"""Text for a person."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.cli.terminal import Terminal, cut, plain, width


def test_a_file_gets_no_colours():
    assert Terminal(io.StringIO(), {}).good("yes") == "yes"


def test_a_terminal_gets_colours(screen):
    assert Terminal(screen, {}).good("yes") == "\x1b[32myes\x1b[0m"


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_and_dumb_terminals_are_respected(screen, variables):
    assert Terminal(screen, variables).bad("no") == "no"


def test_columns_are_as_wide_as_their_widest_cell_whatever_its_colours(screen):
    terminal = Terminal(screen, {})
    terminal.table(("A", "B"), [(terminal.good("xyz"), "1"), ("漢", "2")])
    rows = screen.getvalue().splitlines()
    assert rows[1].endswith("xyz\x1b[0m  1")
    assert rows[2] == "漢   2"


@given(st.text())
def test_a_name_that_others_chose_cannot_drive_the_terminal(text):
    told = plain(text)
    assert "\x1b" not in told
    assert told.splitlines() in ([], [told])


def test_what_is_harmless_stays_as_it_is():
    assert plain("Straße 漢字 'x' \\ 1.0") == "Straße 漢字 'x' \\ 1.0"


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_a_cut_text_fits(text, columns):
    assert width(cut(text, columns)) <= columns
