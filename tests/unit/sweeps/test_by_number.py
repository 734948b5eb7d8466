"""Samplers that draw by number: in the space, without repetition, and the same again."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlet.domain.search_space import names_of, read_space
from amlet.domain.sweep import GRID, QUASI_RANDOM, RANDOM, Sampling
from amlet.sweeps import cells
from amlet.sweeps.by_number import sampler_of

SPACE: dict[str, Any] = {
    "--C": ["loguniform", [-3, 3]],
    "kernel": ["choice", [["rbf", "linear"]]],
    "degree": ["quniform", [1, 9, 2]],
}
NESTED: dict[str, Any] = {
    "model": [
        "choice",
        [[{"kind": "svm", "C": ["choice", [[1, 10]]]}, {"kind": "forest", "trees": ["randint", [3]]}, "none"]],
    ],
    "seed": ["choice", [[1, 2]]],
}

finite = st.one_of(
    st.lists(st.one_of(st.integers(), st.text(max_size=3)), min_size=1, max_size=4).map(
        lambda options: ["choice", [options]]
    ),
    st.integers(1, 4).map(lambda upper: ["randint", [upper]]),
    st.tuples(st.integers(-5, 5), st.integers(1, 8), st.integers(1, 3)).map(
        lambda told: ["quniform", [told[0], told[0] + told[1], told[2]]]
    ),
)
spaces = st.dictionaries(st.sampled_from(["a", "--b", "c"]), finite, min_size=1)


@pytest.mark.parametrize("method", [RANDOM, QUASI_RANDOM])
def test_a_seed_gives_the_same_points_in_any_order(method):
    one, other = (sampler_of(Sampling(method, SPACE, seed=7)) for _ in range(2))
    forward = [one.draw(number) for number in range(30)]
    assert [other.draw(number) for number in reversed(range(30))] == forward[::-1]
    assert [sampler_of(Sampling(method, SPACE, seed=8)).draw(number) for number in range(30)] != forward


def test_points_are_the_same_on_every_machine():
    assert sampler_of(Sampling(RANDOM, SPACE, seed=7)).draw(0) == sampler_of(Sampling(RANDOM, SPACE, seed=7)).draw(0)
    drawn = sampler_of(Sampling(RANDOM, {"x": ["uniform", [0, 1]]}, seed=1)).draw(0)
    assert drawn == {"x": 0.528361434128054}


@pytest.mark.parametrize("method", [RANDOM, QUASI_RANDOM])
@settings(max_examples=60, deadline=None)
@given(space=spaces, seed=st.integers(0, 5))
def test_a_finite_space_is_drawn_without_replacement_to_its_last_point(method, space, seed):
    sampler = sampler_of(Sampling(method, space, seed=seed))
    assert sampler.size is not None
    drawn = [sampler.draw(number) for number in range(sampler.size)]
    whole = read_space(space)
    everything = {cells.key(cells.cell(whole, number)) for number in range(cells.count(whole) or 0)}
    assert len(everything) == sampler.size
    assert {cells.key(point) for point in drawn if point is not None} == everything
    assert sampler.draw(sampler.size) is None


@settings(max_examples=60, deadline=None)
@given(space=spaces)
def test_a_grid_covers_every_cell_once(space):
    sampler = sampler_of(Sampling(GRID, space))
    assert sampler.size is not None
    drawn = [sampler.draw(number) for number in range(sampler.size)]
    assert len({cells.key(point) for point in drawn if point is not None}) == sampler.size
    assert sampler.draw(sampler.size) is None


def test_a_grid_goes_in_the_order_written():
    sampler = sampler_of(Sampling(GRID, {"a": ["choice", [[1, 2]]], "b": ["choice", [["x", "y"]]]}))
    assert [tuple((sampler.draw(number) or {}).values()) for number in range(4)] == [
        (1, "x"),
        (1, "y"),
        (2, "x"),
        (2, "y"),
    ]


@pytest.mark.parametrize("method", [RANDOM, QUASI_RANDOM, GRID])
def test_options_that_a_choice_has_twice_are_one_cell(method):
    options = [1, 1.0, True, 1, "1", {"b": ["choice", [[2, 2]]]}, {"b": ["choice", [[2]]]}]
    sampler = sampler_of(Sampling(method, {"a": ["choice", [options]]}))
    assert sampler.size == 5
    drawn = [sampler.draw(number) or {} for number in range(5)]
    assert Counter(map(repr, drawn)) == Counter(["{'a': 1}", "{'a': 1.0}", "{'a': True}", "{'a': '1'}", "{'b': 2}"])
    assert sampler.draw(5) is None


def test_each_cell_of_a_choice_comes_as_often_at_each_place():
    space = {"a": ["choice", [[0, 1, 2]]], "b": ["randint", [2]]}
    counts: Counter[tuple[int, int]] = Counter()
    for seed in range(600):
        sampler = sampler_of(Sampling(RANDOM, space, seed=seed))
        for place in range(6):
            point = sampler.draw(place)
            assert point is not None
            counts[place, 2 * point["a"] + point["b"]] += 1
    assert len(counts) == 36
    # A fair count of 600 / 6 strays by 9.1; of 36 counts one goes beyond 45 in a million tries.
    assert all(abs(count - 100) < 45 for count in counts.values())


def test_an_option_that_holds_parameters_stands_for_them():
    sampler = sampler_of(Sampling(GRID, NESTED))
    assert sampler.size == (2 + 3 + 1) * 2
    assert sampler.draw(0) == {"kind": "svm", "C": 1, "seed": 1}
    assert sampler.draw(9) == {"kind": "forest", "trees": 2, "seed": 2}
    assert sampler.draw(11) == {"model": "none", "seed": 2}
    assert names_of(read_space(NESTED)) == ["model", "kind", "C", "trees", "seed"]


@pytest.mark.parametrize("method", [RANDOM, QUASI_RANDOM])
def test_a_parameter_below_a_choice_of_its_own_name_is_drawn_apart_from_it(method):
    options = [{"a": ["choice", [[1, 2]]], "b": ["uniform", [0, 1]]}, {"a": ["choice", [[3, 4]]], "b": 0}]
    sampler = sampler_of(Sampling(method, {"a": ["choice", [options]]}))
    drawn = Counter((sampler.draw(number) or {})["a"] for number in range(200))
    assert set(drawn) == {1, 2, 3, 4}
    assert all(80 < drawn[value] < 120 for value in (1, 2))  # 3 and 4 have one point each


@pytest.mark.parametrize("method", [RANDOM, QUASI_RANDOM])
def test_options_that_are_alike_use_a_large_space_up(method):
    space = {"a": ["choice", [[0] * 100_000]], "b": ["choice", [[0, 0]]]}
    sampler = sampler_of(Sampling(method, space))
    assert [sampler.draw(number) for number in range(2)] == [{"a": 0, "b": 0}, None]


def test_a_grid_that_goes_on_from_another_looks_at_no_more_cells_than_it_draws():
    space = {name: ["choice", [list(range(1_000))]] for name in "abcd"}
    sampler = sampler_of(Sampling(GRID, space), known=[dict.fromkeys("abcd", 0), {**dict.fromkeys("abc", 0), "d": 2}])
    assert [(sampler.draw(number) or {})["d"] for number in (2, 0, 1)] == [4, 1, 3]


def test_a_quasi_random_search_takes_thousands_of_parameters_in_any_order():
    options = [{f"p{number}": ["uniform", [0, 1]]} for number in range(2_000)]
    sampler = sampler_of(Sampling(QUASI_RANDOM, {"model": ["choice", [options]]}))
    assert len(sampler.draw(0) or {}) == 1


@pytest.mark.parametrize("method", [RANDOM, QUASI_RANDOM, GRID])
def test_what_was_tried_before_is_not_drawn_again(method):
    space = {"a": ["choice", [[1, 2, 3]]], "b": ["choice", [["x", "y"]]]}
    known = [{"a": 2, "b": "x"}, {"a": 3, "b": "y"}]
    sampler = sampler_of(Sampling(method, space), known=known)
    drawn = [sampler.draw(number) for number in range(4)]
    assert all(point is not None and point not in known for point in drawn)
    assert len({cells.key(point) for point in drawn if point}) == 4
    assert sampler.draw(4) is None


def test_quasi_random_points_are_more_even_than_random_ones():
    def most_in_a_box(method: str) -> int:
        space = {"x": ["uniform", [0, 8]], "y": ["uniform", [0, 8]]}
        sampler = sampler_of(Sampling(method, space, seed=3))
        boxes: dict[tuple[int, int], int] = {}
        for number in range(256):
            point = sampler.draw(number)
            assert point is not None
            box = int(point["x"]), int(point["y"])
            boxes[box] = boxes.get(box, 0) + 1
        return max(boxes.values())

    assert most_in_a_box(QUASI_RANDOM) <= 7 < most_in_a_box(RANDOM)
