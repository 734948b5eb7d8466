"""How long a call goes on after a failure."""

from __future__ import annotations

import math
from datetime import datetime, timezone

from amlet.client.patience import FIRST_PAUSE_S, LONGEST_PAUSE_S, Patience


class MovedClock:
    def __init__(self) -> None:
        self.at_s = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, timezone.utc)

    def monotonic(self) -> float:
        return self.at_s


def test_patience_counts_from_the_first_failure() -> None:
    clock = MovedClock()
    patience = Patience(30, clock)
    clock.at_s += 10_000  # a long wait that was answered
    assert patience.pause_s() is not None
    clock.at_s += 29.9
    assert patience.pause_s() is not None
    clock.at_s += 0.1
    assert patience.pause_s() is None


def test_no_patience_tries_once() -> None:
    assert Patience(0, MovedClock()).pause_s() is None


def test_pauses_grow_are_scattered_and_stay_short() -> None:
    patience = Patience(math.inf, MovedClock())
    pauses = [patience.pause_s() or 0.0 for _ in range(50)]
    assert FIRST_PAUSE_S / 2 <= pauses[0] <= FIRST_PAUSE_S * 1.5
    assert all(LONGEST_PAUSE_S / 2 <= pause <= LONGEST_PAUSE_S * 1.5 for pause in pauses[10:])
    assert len(set(pauses[10:])) > 5


def test_the_last_pause_does_not_go_beyond_the_patience() -> None:
    clock = MovedClock()
    patience = Patience(1.0, clock)
    patience.pause_s()
    clock.at_s += 0.999
    assert (patience.pause_s() or 9) <= 0.0011
