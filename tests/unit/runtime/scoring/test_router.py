"""Whose turn it is behind an endpoint."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from amlet.runtime.scoring.exchange import Request, Response
from amlet.runtime.scoring.metrics import summed
from amlet.runtime.scoring.router import Router
from amlet.runtime.scoring.turns import Route, Routes, Turns


@given(st.lists(st.integers(0, 100), min_size=1, max_size=5).filter(any))
def test_of_as_many_requests_as_the_shares_sum_to_each_version_gets_its_share(shares: list[int]) -> None:
    turns = Turns([Route(str(number), number, share) for number, share in enumerate(shares)])
    found = Counter(turns.next() for _ in range(sum(shares)))
    assert found == {str(number): share for number, share in enumerate(shares) if share}


def test_turns_alternate_instead_of_coming_in_blocks() -> None:
    turns = Turns([Route("a", 1, 50), Route("b", 2, 50)])
    assert {turns.next(), turns.next()} == {"a", "b"}


def test_without_a_share_it_is_nobodys_turn() -> None:
    assert Turns([]).next() is None
    turns = Turns([Route("a", 1, 0)])
    assert (turns.next(), turns.of("a"), turns.of("b")) == (None, [Route("a", 1, 0)], [])


def _asked(router: Router, path: str) -> Response:
    answers: list[Response] = []
    router.submit(Request("GET", path, "", {}, b""), answers.append)
    return answers[0]


def test_the_endpoint_is_well_while_a_version_answers(tmp_path: Path) -> None:
    router = Router(tmp_path, lambda _: None)
    assert _asked(router, "/").status == 503
    Routes(1, [Route("blue", 1, 100)]).write(tmp_path)
    router.refresh()
    assert _asked(router, "/") == Response(200, b"Healthy", b"text/plain; charset=utf-8")


def test_counts_of_several_nodes_are_one_text() -> None:
    one = b'# TYPE amlet_requests_total counter\namlet_requests_total{code="200"} 3\namlet_busy_seconds_total 0.25\n'
    two = one + b'amlet_requests_total{code="503"} 1\n'
    assert summed([one, two]).splitlines() == [
        b"# TYPE amlet_requests_total counter",
        b'amlet_requests_total{code="200"} 6',
        b"amlet_busy_seconds_total 0.5",
        b'amlet_requests_total{code="503"} 1',
    ]
