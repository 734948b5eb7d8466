"""How many processes a service has by its load."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amlet.domain.deployment import Autoscale
from amlet.domain.replica_scaling import STEADY_S, Look, Scaling

SCALE = Autoscale(1, 10, 70, 1)


def _after(*loads: float, scale: Autoscale = SCALE, calls: int = 1, processes: int = 1) -> list[int]:
    """The decisions of one look a second, where the calls took so many seconds in each, and what is decided is had."""
    scaling = Scaling(calls)
    busy_s, decided = 0.0, [scaling.decide(scale, Look(0, processes, 0, 0, 0))]
    for at, load in enumerate(loads, 1):
        busy_s += load
        decided.append(scaling.decide(scale, Look(at, decided[-1], busy_s, 0, 0)))
    return decided[1:]


def test_a_service_that_is_busy_for_its_target_stays_as_it_is() -> None:
    assert _after(0.7, 0.6, 0.7) == [1, 1, 1]


def test_load_above_the_target_brings_more_processes_and_never_above_the_most() -> None:
    assert _after(1.0, 2.0, 4.0, 8.0, 8.0) == [2, 3, 5, 8, 10]
    assert _after(1.0, 2.0, 4.0, scale=SCALE._replace(max_replicas=2)) == [2, 2, 2]


def test_requests_that_wait_count_although_their_calls_have_not_ended() -> None:
    scaling = Scaling()
    scaling.decide(SCALE, Look(0, 1, 0, 0, 0))
    assert scaling.decide(SCALE, Look(1, 1, 0, 1, 5)) == 2


def test_a_script_that_takes_several_calls_at_a_time_is_full_when_all_are_taken() -> None:
    assert _after(2.0, calls=4) == [1]
    assert _after(4.0, calls=4) == [2]


def test_fewer_processes_only_after_the_load_has_been_low_for_a_while() -> None:
    quiet = _after(1.0, 2.0, *[0.0] * int(2 * STEADY_S))
    assert set(quiet[2 : int(STEADY_S)]) == {3}
    assert quiet[-1] == 1


@given(st.floats(0.2, 12))
def test_fewer_come_about_however_far_apart_the_looks_are(pause_s: float) -> None:
    scaling, at_s = Scaling(), pause_s
    scaling.decide(SCALE, Look(0, 1, 0, 0, 0))
    processes = scaling.decide(SCALE, Look(at_s, 1, 2 * pause_s, 0, 0))
    assert processes == 2
    while at_s < 2 * STEADY_S + 2 * pause_s:
        at_s += pause_s
        processes = scaling.decide(SCALE, Look(at_s, processes, 2 * pause_s, 0, 0))
    assert processes == 1


def test_a_short_pause_takes_none_away() -> None:
    assert set(_after(1.0, 2.0, *[0.0, 2.0] * 30)[2:]) == {3}


@given(st.lists(st.tuples(st.integers(0, 12), st.floats(0, 20), st.integers(0, 50), st.integers(0, 50)), max_size=40))
def test_the_number_is_always_within_the_bounds(told: list[tuple[int, float, int, int]]) -> None:
    scaling, scale = Scaling(), Autoscale(2, 6, 70, 1)
    for at, (processes, busy_s, working, waiting) in enumerate(told):
        assert 2 <= scaling.decide(scale, Look(at, processes, busy_s, working, waiting)) <= 6
