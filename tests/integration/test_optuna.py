"""Optuna in its own process: told again after every restart, pending trials counted."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from amlet.base.errors import Unavailable
from amlet.base.variables import own_environment
from amlet.domain.sweep import BAYESIAN, CMA_ES, GAUSSIAN_PROCESS, MINIMIZE, TPE, Objective, Sampling, SweepSpec
from amlet.sweeps.model_based import Known, ModelBased

SPACE = {"x": ["uniform", [-10, 10]], "y": ["quniform", [-5, 5, 1]], "k": ["choice", [["a", "b"]]]}


def spec_of(method: str, *objectives: str) -> SweepSpec:
    goals = [Objective(name, MINIMIZE) for name in objectives or ("loss",)]
    return SweepSpec(Sampling(method, SPACE, seed=3), goals, 100, 1)


@pytest.fixture
def model(tmp_path: Path):
    made = ModelBased(tmp_path, lambda _method: own_environment())
    yield made
    made.close()


def loss(parameters: dict) -> float:
    return (parameters["x"] - 3) ** 2 + parameters["y"] ** 2 + (parameters["k"] == "a")


def search(model: ModelBased, spec: SweepSpec, count: int, known: list[Known] | None = None) -> list[Known]:
    known = known or []
    for number in range(len(known), count):
        parameters = model.ask("HD_1", spec, number, known)
        known = [*known, Known(number, parameters, [loss(parameters)], going_on=False)]
    return known


WITH_TORCH = pytest.param(
    GAUSSIAN_PROCESS,
    marks=pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="no PyTorch on this machine"),
)


@pytest.mark.parametrize("method", [BAYESIAN, TPE, CMA_ES, WITH_TORCH])
def test_it_finds_better_points_than_it_began_with(model: ModelBased, method: str):
    known = search(model, spec_of(method), 45)
    first, last = ([trial.values[0] for trial in part if trial.values] for part in (known[:12], known[-12:]))
    assert sum(last) / 12 < 0.5 * sum(first) / 12
    assert all(-10 <= trial.parameters["x"] <= 10 for trial in known)


def test_a_restart_of_the_process_draws_what_would_have_been_drawn(model: ModelBased):
    whole = search(model, spec_of(TPE), 24)
    model.close()
    part = search(model, spec_of(TPE), 13)
    model.close()  # as after kill -9: only what is on record is known
    assert [trial.parameters for trial in search(model, spec_of(TPE), 24, part)] == [
        trial.parameters for trial in whole
    ]


def test_trials_that_go_on_count_so_that_no_two_are_the_same(model: ModelBased):
    known = search(model, spec_of(BAYESIAN), 15)
    for number in range(15, 21):
        parameters = model.ask("HD_1", spec_of(BAYESIAN), number, known)
        known = [*known, Known(number, parameters, None, going_on=True)]
    assert len({trial.parameters["x"] for trial in known}) == 21
    lost = model.ask("HD_1", spec_of(BAYESIAN), 21, known)
    assert model.ask("HD_1", spec_of(BAYESIAN), 21, known) == lost  # which did not come on record
    model.close()
    assert model.ask("HD_1", spec_of(BAYESIAN), 21, known)["x"] not in {trial.parameters["x"] for trial in known}
    ended = [trial._replace(values=[1.0], going_on=False) for trial in known]
    model.ask("HD_1", spec_of(BAYESIAN), 22, ended)


def test_failed_trials_and_several_objectives(model: ModelBased):
    spec, known = spec_of(TPE, "loss", "time"), []
    for number in range(14):
        parameters = model.ask("HD_1", spec, number, known)
        values = [loss(parameters), parameters["x"]] if number % 3 else None
        known.append(Known(number, parameters, values, going_on=False))
    assert len({trial.parameters["x"] for trial in known}) == 14


def test_what_a_method_lacks_is_told(model: ModelBased, tmp_path: Path):
    broken = tmp_path / "broken"
    (broken / "torch").mkdir(parents=True)
    (broken / "torch" / "__init__.py").write_text("raise ImportError('no torch here')")
    lacking = ModelBased(tmp_path, lambda _method: {**own_environment(), "PYTHONPATH": str(broken)})
    with pytest.raises(Unavailable, match="torch"):
        search(lacking, spec_of(GAUSSIAN_PROCESS), 3)
    lacking.close()
