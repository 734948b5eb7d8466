"""A table that is painted over itself."""

from __future__ import annotations

import io

from amlet.cli.live_table import LiveTable
from amlet.cli.terminal import Terminal


def test_each_text_takes_the_place_of_the_one_before(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "5")
    out = io.StringIO()

    with LiveTable(Terminal(out)) as table:
        table.show("one\ntwo\n")
        table.show("x" * 30 + "\n")
        table.show("a\nb\nc\nd\ne\nf\n")

    assert out.getvalue() == (
        "\x1b[?25l\x1b[Jone\ntwo\n\x1b[2A\r\x1b[J" + "x" * 30 + "\n\x1b[2A\r\x1b[Ja\nb\nc\nd\n\x1b[?25h"
    )
