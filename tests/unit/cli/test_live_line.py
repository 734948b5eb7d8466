"""The line that says what goes on now."""

from __future__ import annotations

import io

from amlet.cli.live_line import LiveLine
from amlet.cli.terminal import Terminal


class Moment:
    """Seconds that move when they are told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_on_a_terminal_it_is_painted_over_itself(screen):
    moment = Moment()
    live = LiveLine(Terminal(screen, {}), monotonic=moment)
    live.now("run", "cold start")
    live.tick()
    moment.seconds += 3
    live.tick()
    assert "\n" not in screen.getvalue()
    assert "run       3.0 s  cold start" in screen.getvalue().split("\r\x1b[2K")[-1]


def test_what_is_printed_meanwhile_stands_above_it(screen):
    live = LiveLine(Terminal(screen, {}), monotonic=Moment())
    live.now("run")
    live.tick()
    live.above(lambda: screen.write("a line\n") and None)
    assert screen.getvalue().endswith("\r\x1b[2Ka line\n")


def test_it_never_overwrites_a_line_that_has_not_ended(screen):
    live = LiveLine(Terminal(screen, {}), monotonic=Moment())
    live.now("run")
    live.above(lambda: screen.write("50 %") and None, ends_line=False)
    live.tick()
    assert screen.getvalue() == "50 %"


def test_without_a_terminal_it_speaks_only_of_what_takes_long_and_ever_less_often():
    told, moment = io.StringIO(), Moment()
    live = LiveLine(Terminal(told, {}), monotonic=moment)
    live.now("scale", "waits for a node of local")
    for _ in range(60):
        live.tick()
        moment.seconds += 1
    assert [line.split()[2] for line in told.getvalue().splitlines()] == ["10", "20", "40"]
