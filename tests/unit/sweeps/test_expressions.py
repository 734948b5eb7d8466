"""Every expression has the distribution that v1 gives it: held to by quantiles."""

from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist

import pytest

from amlet.domain.search_space import Expression, read_space
from amlet.sweeps.chance import uniform
from amlet.sweeps.expressions import count_of, quantile, values_of

SHARES = [number / 20 for number in range(1, 20)]
NORMAL = NormalDist(2, 0.5)

# v1-behaviours 12.2
EXACT = [
    ("uniform", (2, 6), lambda u: 2 + 4 * u),
    ("loguniform", (-3, 3), lambda u: math.exp(-3 + 6 * u)),
    ("normal", (2, 0.5), NORMAL.inv_cdf),
    ("lognormal", (2, 0.5), lambda u: math.exp(NORMAL.inv_cdf(u))),
    ("quniform", (1, 20, 3), lambda u: round((1 + 19 * u) / 3) * 3),
    ("qloguniform", (0, 5, 4), lambda u: round(math.exp(5 * u) / 4) * 4),
    ("qnormal", (10, 5, 2), lambda u: round(NormalDist(10, 5).inv_cdf(u) / 2) * 2),
    ("qlognormal", (2, 1, 3), lambda u: round(math.exp(NormalDist(2, 1).inv_cdf(u)) / 3) * 3),
    ("randint", (7,), lambda u: math.floor(7 * u)),
]


@pytest.mark.parametrize(("kind", "numbers", "exact"), EXACT, ids=[row[0] for row in EXACT])
def test_quantiles_are_those_of_the_distribution(kind, numbers, exact):
    for share in SHARES:
        assert quantile(Expression(kind, numbers), share) == pytest.approx(exact(share))


@pytest.mark.parametrize(("kind", "numbers", "exact"), EXACT, ids=[row[0] for row in EXACT])
def test_draws_fall_below_each_quantile_as_often_as_they_should(kind, numbers, exact):
    count = 4000
    drawn = sorted(quantile(Expression(kind, numbers), uniform("draws", kind, number)) for number in range(count))
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        bound = exact(share)
        below, up_to = sum(value < bound for value in drawn), sum(value <= bound for value in drawn)
        # Four standard deviations; a stepped value holds a whole stretch of shares.
        assert below / count - 0.032 <= share <= up_to / count + 0.032


def test_a_choice_gives_each_option_alike_and_any_kind_of_value():
    options = ("rbf", 1, 1.5, True, None)
    drawn = Counter(
        repr(quantile(Expression("choice", options=options), uniform("c", number))) for number in range(5000)
    )
    assert set(drawn) == {repr(option) for option in options}
    assert all(850 < held < 1150 for held in drawn.values())


def test_steps_of_whole_numbers_give_whole_numbers():
    assert isinstance(quantile(Expression("quniform", (1, 100, 1)), 0.3), int)
    assert isinstance(quantile(Expression("quniform", (1, 100, 0)), 0.3), float)  # 0: no steps


def test_a_standard_deviation_of_zero_is_the_mean():
    assert quantile(Expression("normal", (3, 0)), 0.9) == 3


@pytest.mark.parametrize(
    ("told", "values"),
    [
        (["choice", [["a", "b"]]], ["a", "b"]),
        (["randint", [3]], [0, 1, 2]),
        (["quniform", [1, 10, 3]], [0, 3, 6, 9]),
        (["quniform", [1, 5, 2]], [2, 4]),  # 1 / 2 is rounded to 0, but nothing above it is
        (["quniform", [-3, 3, 2]], [-2, 0, 2]),
    ],
)
def test_finite_expressions_list_their_values(told, values):
    (expression,) = read_space({"x": told}).values()
    assert list(values_of(expression)) == values
    assert count_of(expression) == len(values)


def test_the_others_cannot_be_counted():
    assert count_of(Expression("uniform", (0, 1))) is None
    assert count_of(Expression("qnormal", (0, 1, 1))) is None
