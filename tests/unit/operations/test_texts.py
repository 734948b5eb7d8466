"""Text of requests: what a record, a variable or an argument cannot carry is told with its place."""

from __future__ import annotations

import pytest

from amlet.operations.texts import faults_of_argument, faults_of_label, faults_of_variables


@pytest.mark.parametrize("text", ["", "demo", "Mein Projekt 表 😀", "a/b\\c", "x" * 10])
def test_a_printable_line_is_a_label(text: str) -> None:
    assert faults_of_label("name", text, 20) == []


@pytest.mark.parametrize("text", ["x" * 21, "a\x00", "a\nb", "\x1b[0m", "\ud800", "\u202etxt", "\u200b", "\x7f"])
def test_a_label_that_is_long_or_does_not_print_is_refused(text: str) -> None:
    (fault,) = faults_of_label("name", text, 20)
    assert fault.path == "name"


def test_an_argument_may_hold_bytes_that_are_no_unicode_but_no_nul() -> None:
    assert faults_of_argument("a", "caf\udce9\n\t") == []
    assert [fault.path for fault in faults_of_argument("a", "x\x00")] == ["a"]
    assert [fault.path for fault in faults_of_argument("a", "\ud800")] == ["a"]


def test_every_bad_variable_is_named() -> None:
    given = {"GOOD": "1", "": "x", "A=B": "x", "N\x00": "x", "V": "\x00", "LONG" * 100: "\x00"}
    faults = faults_of_variables("variables", given)
    assert [fault.path[:15] for fault in faults] == [
        "variables.",
        "variables.A=B",
        "variables.N\x00",
        "variables.V",
        "variables.LONGL",
    ]
    assert all(len(fault.path) <= 110 for fault in faults)
