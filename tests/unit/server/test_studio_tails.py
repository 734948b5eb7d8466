"""The end of a log as text: whole lines, whole characters, no colour codes."""

from __future__ import annotations

import pytest

from amlet.server.studio.tails import tail_text


def test_a_log_that_is_whole_is_shown_whole() -> None:
    assert tail_text(b"one\ntwo\n", cut=False) == ("one\ntwo\n", 8)


def test_the_torn_first_line_is_left_out() -> None:
    assert tail_text(b"rn line\ntwo\n", cut=True) == ("two\n", 12)


def test_a_tail_without_a_line_end_is_shown_as_it_is() -> None:
    assert tail_text(b"x" * 10, cut=True) == ("x" * 10, 10)


@pytest.mark.parametrize("torn", [1, 2, 3])
def test_a_character_torn_at_the_end_is_left_for_the_next_read(torn: int) -> None:
    data = "ab😀".encode()[: 2 + torn]
    assert tail_text(data, cut=False) == ("ab", 2)


def test_bytes_that_are_no_text_do_not_end_the_page() -> None:
    text, used = tail_text(b"\xff\xfe\x00ok\n", cut=False)
    assert (text, used) == ("\ufffd\ufffd\x00ok\n", 6)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"\x1b[32mgreen\x1b[0m", "green"),
        (b"\x1b[1;38;5;208mx\x1b[K", "x"),
        (b"\x1b]0;title\x07x", "x"),
        (b"10%\r20%\r100%\n", "10%\n20%\n100%\n"),
        (b"a\r\nb", "a\nb"),
    ],
)
def test_what_only_a_terminal_understands_is_taken_out(printed: bytes, shown: str) -> None:
    assert tail_text(printed, cut=False)[0] == shown
