"""The process that holds Optuna: studies in memory, asked and told. The only module that imports it.

It keeps nothing: a study that it does not know is begun anew from the trials that the asking side has on record.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import optuna

from amlet.base.answering import answer_calls
from amlet.domain.search_space import read_space
from amlet.domain.sweep import BAYESIAN, CMA_ES, GAUSSIAN_PROCESS, MINIMIZE, TPE
from amlet.sweeps.unit_points import EDGE, Axis, draw, point_of

STARTUP_TRIALS = 10
"""Random ones before the model counts."""


class Studies:
    """The sweeps that are asked for at present, by their run's id."""

    def __init__(self) -> None:
        self._studies: dict[str, Study] = {}

    def begin(self, sweep: str, method: str, space: dict[str, Any], goals: list[str], seed: int) -> None:
        """Begin a sweep's study; one of that name is forgotten."""
        self._studies[sweep] = Study(method, space, goals, seed)

    def ask(self, sweep: str, number: int, trials: list[list[Any]]) -> dict[str, Any]:
        """The parameters of the next trial.

        Args:
            number: Of the trial that is asked for.
            trials: What has changed of those before: number, parameters, values of its objectives, whether it goes on.
        """
        study = self._studies[sweep]
        for told in trials:
            study.tell(*told)
        return study.ask(number)

    def end(self, sweep: str) -> None:
        """Forget a study."""
        self._studies.pop(sweep, None)


class Study:
    """One sweep, as Optuna knows it."""

    def __init__(self, method: str, space: dict[str, Any], goals: list[str], seed: int) -> None:
        if method == GAUSSIAN_PROCESS:
            for needed in ("torch", "scipy"):  # at once, not after the first random trials
                importlib.import_module(needed)
        self._method = method
        self._seed = seed
        self._space = read_space(space)
        self._cma = optuna.samplers.CmaEsSampler(seed=seed) if method == CMA_ES else None
        directions = ["minimize" if goal == MINIMIZE else "maximize" for goal in goals]
        self._study = optuna.create_study(directions=directions)
        self._numbers: dict[int, int] = {}
        """Optuna's number of each trial, by ours."""
        self._open: set[int] = set()
        self._last: tuple[int, dict[str, Any]] | None = None
        """The trial that was asked for last. Its answer may not have come on record."""

    def ask(self, number: int) -> dict[str, Any]:
        """Ask for a trial, which counts as going on until it is told; asked again for it, say the same."""
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        self._study.sampler = self._sampler(number)
        trial = self._study.ask()
        self._numbers[number] = trial.number
        self._open.add(number)

        def suggest(path: str, axis: Axis) -> float | int:
            if axis.places is None:
                return float(trial.suggest_float(path, EDGE, 1 - EDGE))
            if axis.is_ordered:
                return int(trial.suggest_int(path, 0, axis.places - 1))
            return int(trial.suggest_categorical(path, list(range(axis.places))))

        self._last = number, draw(self._space, suggest)
        return self._last[1]

    def tell(self, number: int, parameters: dict[str, Any], values: list[float] | None, going_on: bool) -> None:
        """Tell how a trial stands. One that was not asked of this process is added."""
        state = optuna.trial.TrialState.COMPLETE if values else optuna.trial.TrialState.FAIL
        if number in self._numbers:
            if number in self._open and not going_on:
                self._open.discard(number)
                self._study.tell(self._numbers[number], values, state=state)
            return
        found = point_of(self._space, parameters)
        if found is None:
            return  # of a sweep over another space
        point, axes = found
        distributions = {path: _distribution(axes[path]) for path in point}
        if going_on:
            state, values = optuna.trial.TrialState.RUNNING, None
            self._open.add(number)
        self._numbers[number] = len(self._study.get_trials(deepcopy=False))
        self._study.add_trial(
            optuna.trial.create_trial(state=state, values=values, params=point, distributions=distributions)
        )

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        """A sampler a trial, its seed made of the trial's number: a restart draws what would have been drawn."""
        seed = (self._seed * 1_000_003 + number) % (1 << 32)
        if self._cma is not None:
            return self._cma
        if self._method == GAUSSIAN_PROCESS:
            return optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        assert self._method in (BAYESIAN, TPE), self._method
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP_TRIALS, multivariate=True, group=True, constant_liar=True
        )


def _distribution(axis: Axis) -> optuna.distributions.BaseDistribution:
    if axis.places is None:
        return optuna.distributions.FloatDistribution(EDGE, 1 - EDGE)
    if axis.is_ordered:
        return optuna.distributions.IntDistribution(0, axis.places - 1)
    return optuna.distributions.CategoricalDistribution(list(range(axis.places)))


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    studies = Studies()
    answer_calls(lambda name: getattr(studies, name))
