"""Points as models see them: there and back."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.domain.search_space import read_space
from amlet.sweeps import chance
from amlet.sweeps.by_number import RandomSearch
from amlet.sweeps.unit_points import Axis, draw, point_of

SPACE: dict[str, Any] = {
    "--C": ["loguniform", [-3, 3]],
    "kernel": ["choice", [["rbf", "linear", 1, True]]],
    "n": ["randint", [5000]],
    "trees": ["quniform", [1, 9, 2]],
    "momentum": ["normal", [0.9, 0.1]],
    "model": [
        "choice",
        [[{"kind": "svm", "gamma": ["uniform", [0, 1]]}, {"kind": "forest", "gamma": ["randint", [4]]}]],
    ],
}


def test_parameters_become_the_point_that_they_are_drawn_from():
    space = read_space(SPACE)
    sampler = RandomSearch(space, 1, set())
    for number in range(200):
        parameters = sampler.draw(number)
        assert parameters is not None
        found = point_of(space, parameters)
        assert found is not None
        again = draw(space, lambda path, _axis, point=found[0]: point[path])
        assert set(again) == set(parameters)
        for name, value in parameters.items():
            assert again[name] == (pytest.approx(value) if isinstance(value, float) else value)


def test_options_that_are_not_chosen_are_not_asked_about():
    asked: list[str] = []

    def suggest(path: str, axis: Axis) -> float | int:
        asked.append(path)
        return int(chance.uniform(path) * axis.places) if axis.places else chance.uniform(path)

    drawn = draw(read_space(SPACE), suggest)
    inner = [path for path in asked if path.startswith("model[")]
    assert len(inner) == 2
    assert "model" not in drawn


@pytest.mark.parametrize("strange", [{"--C": 1.0}, {"x": 1}, {}])
def test_parameters_of_another_space_are_no_point_of_it(strange):
    assert point_of(read_space({"--C": ["choice", [[2]]]}), strange) is None
