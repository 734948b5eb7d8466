"""Search spaces: v1's forms are read, every fault is told with its place, and nothing else ever comes out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.base.errors import InvalidInput
from amlet.domain.search_space import (
    ARGUMENTS,
    BOUNDED,
    GAUSSIAN,
    KINDS,
    NESTING_LIMIT,
    OPTIONS_LIMIT,
    QUANTISED,
    RANDINT,
    Expression,
    names_of,
    read_space,
    walk,
)


def faults_of(told: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        read_space(told)
    return {fault.path: fault.message for fault in caught.value.fields}


@pytest.mark.parametrize(
    ("told", "read"),
    [
        # v1-behaviours 12.1: options are wrapped once, by hand they need not be
        (["choice", [[16, 32]]], Expression("choice", options=(16, 32))),
        (["choice", [16, 32]], Expression("choice", options=(16, 32))),
        (["choice", ["rbf"]], Expression("choice", options=("rbf",))),
        (["choice", "rbf"], Expression("choice", options=("rbf",))),
        (["choice", [[[1, 2], [3, 4]]]], Expression("choice", options=([1, 2], [3, 4]))),
        (["choice", [[None, True, {}]]], Expression("choice", options=(None, True, {}))),
        # v1-behaviours 12.2
        (["randint", [7]], Expression("randint", (7,))),
        (["randint", 7], Expression("randint", (7,))),
        (["quniform", [1, 10, 2.0]], Expression("quniform", (1, 10, 2.0))),
        (["loguniform", [1, 1]], Expression("loguniform", (1, 1))),
        (["normal", [0, 0]], Expression("normal", (0, 0))),
        (["qnormal", [0, 1, 0]], Expression("qnormal", (0, 1, 0))),
    ],
)
def test_what_v1_writes_is_read(told, read):
    assert read_space({"--C": told}) == {"--C": read}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (0.5, "must be an expression such as"),
        (["uniform", [0, 1], 2], "must be an expression such as"),
        (["unifrom", [0, 1]], 'did you mean "uniform"'),
        (["choice", [[]]], "at least one option"),
        (["choice", [list(range(OPTIONS_LIMIT + 1))]], "100,001 options"),
        (["uniform", [0]], "takes 2 arguments (min_value, max_value), got 1"),
        (["uniform", [0, "1"]], "max_value must be a number"),
        (["uniform", [False, 1]], "min_value must be a number"),
        (["uniform", [0, float("nan")]], "max_value must be a number"),
        (["uniform", [0, 10**400]], "max_value must be a number"),
        (["uniform", [-1.7e308, 1.7e308]], "farther than a number can say"),
        (["uniform", [1, 1]], "min_value must be below max_value"),
        (["quniform", [2, 1, 1]], "min_value must be below max_value"),
        (["loguniform", [2, 1]], "must not be above max_value"),
        (["loguniform", [0, 701]], "are logarithms"),
        (["lognormal", [0, -1]], "sigma must be 0 or more"),
        (["qnormal", [0, 1, 0.5]], "q must be a whole number"),
        (["quniform", [0, 1, -1]], "q must be a whole number"),
        (["randint", [0]], "a whole number above 0"),
        (["randint", [2.5]], "a whole number above 0"),
    ],
)
def test_what_cannot_be_drawn_from_is_told(told, said):
    assert said in faults_of({"C": told})["parameter_space['C']"]


@pytest.mark.parametrize("told", [None, [], {}, "uniform", 3])
def test_a_space_holds_at_least_one_parameter(told):
    assert "at least one parameter" in faults_of(told)["parameter_space"]


def test_all_faults_are_told_at_once_with_their_places():
    told = {
        "a": ["uniform", [1, 0]],
        "fine": ["randint", [3]],
        "m": ["choice", [["none", {"b": ["randint", [0]], "c": ["normal", [0, 1]]}, {"d": ["choose", [1]]}]]],
    }
    assert set(faults_of(told)) == {
        "parameter_space['a']",
        "parameter_space['m'][1]['b']",
        "parameter_space['m'][2]['d']",
    }


@pytest.mark.parametrize("name", ["", "--"])
def test_a_name_has_letters(name):
    assert "is not a parameter's name" in faults_of({name: ["randint", [3]]})["parameter_space"]


def test_a_plain_value_below_a_choice_is_a_choice_of_one():
    space = read_space({"m": ["choice", [[{"kind": "svm", "C": ["uniform", [0, 1]]}, "none"]]]})
    assert space["m"].options == (
        {"kind": Expression("choice", options=("svm",)), "C": Expression("uniform", (0, 1))},
        "none",
    )
    assert names_of(space) == ["m", "kind", "C"]


def test_a_name_that_two_parameters_may_give_at_once_is_refused():
    below = ["choice", [[{"x": ["randint", [3]]}, {"y": ["randint", [3]]}]]]
    assert "'x' is given by 'x' and by 'm'" in faults_of({"x": ["randint", [3]], "m": below})["parameter_space"]
    both = {"m": below, "n": ["choice", [[{"x": 1}, {"z": 1}]]]}
    assert "'x' is given by 'm' and by 'n'" in faults_of(both)["parameter_space"]


@pytest.mark.parametrize(
    "told",
    [
        {"m": ["choice", [[{"x": ["randint", [3]]}, {"x": ["uniform", [0, 1]]}]]]},  # one or the other
        {"m": ["choice", [[1, {"m": ["randint", [3]]}]]]},
        {"m": ["choice", [[{"x": 1}, {"x": 2}]]], "n": ["choice", [[{"m": 1}, {"m": 2}]]]},  # m itself is not there
    ],
)
def test_names_that_are_never_there_at_once_may_be_alike(told):
    assert read_space(told)


def test_nesting_has_a_limit():
    def nested(depth: int) -> dict[str, Any]:
        return {"m": ["choice", [["none", nested(depth - 1)]] if depth else [["a", "b"]]]}

    assert len(list(walk(read_space(nested(NESTING_LIMIT))))) == NESTING_LIMIT + 1
    (said,) = faults_of(nested(NESTING_LIMIT + 1)).values()
    assert "nested deeper" in said


json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(KINDS)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=12,
)
nearly = st.dictionaries(st.text(max_size=3), st.tuples(st.sampled_from(KINDS), json).map(list), max_size=4)


@given(told=st.one_of(json, nearly))
def test_whatever_is_told_is_a_space_or_a_fault_with_a_place(told):
    try:
        space = read_space(told)
    except InvalidInput as error:
        assert error.fields
        assert all(fault.path.startswith("parameter_space") and fault.message for fault in error.fields)
    else:
        assert list(space) == list(told)
        assert all(expression.kind in KINDS for _, expression in walk(space))


@st.composite
def good_arguments(draw: st.DrawFn, kind: str) -> list[Any]:
    """Arguments that an expression takes (v1-behaviours 12.2)."""
    if kind == RANDINT:
        return [draw(st.integers(1, 10**9))]
    first = draw(st.floats(-100, 100))
    second = first + draw(st.floats(0.001, 100)) if kind in BOUNDED else draw(st.floats(0, 100))
    assert kind in BOUNDED or kind in GAUSSIAN
    return [first, second, *([draw(st.integers(0, 50))] if kind in QUANTISED else [])]


@given(data=st.data(), kind=st.sampled_from(sorted(ARGUMENTS)))
def test_every_expression_with_good_arguments_is_read_as_it_was_written(data, kind):
    arguments = data.draw(good_arguments(kind))
    assert read_space({"x": [kind, arguments]}) == {"x": Expression(kind, tuple(arguments))}


@given(data=st.data(), kinds=st.lists(st.sampled_from(sorted(ARGUMENTS)), min_size=1, max_size=5))
def test_each_parameter_with_a_fault_is_told_and_no_other(data, kinds):
    told, broken = {}, set()
    for number, kind in enumerate(kinds):
        arguments = data.draw(good_arguments(kind))
        if data.draw(st.booleans()):
            broken.add(f"parameter_space['p{number}']")
            arguments[data.draw(st.integers(0, len(arguments) - 1))] = "many"
        told[f"p{number}"] = [kind, arguments]
    if broken:
        assert set(faults_of(told)) == broken
    else:
        assert list(read_space(told)) == list(told)
